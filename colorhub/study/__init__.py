"""The real-or-fake study: stimuli, design, frozen manifest, votes. No web framework inside.

``create`` draws photos, lets models colour them and freezes everything into a folder; ``store`` deals out the sequences
to raters and keeps their votes; ``table`` gives what statistics work on. Import the modules: this one is empty, so that
the command line stays light.
"""
