"""The real-or-fake study: stimuli, design, frozen manifest, votes. No web framework inside.

``create`` draws photos, lets models colour them and freezes everything into a folder (``studies``); ``store`` deals out
the sequences to raters and keeps their votes; ``trials`` gives the table that ``statistics`` and ``report`` work on;
``sharing`` takes it to the Hub. Import the modules: this one is empty, so that the command line stays light.
"""
