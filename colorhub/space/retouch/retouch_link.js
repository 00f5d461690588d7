// The tab Retouch and its server: one drawing at a time; what is asked for meanwhile waits, and only the last of it.
(() => {
  const FINISH = 20000; // ms: an answer that takes longer is not waited for

  // refused: called when there is no answer. Its error message is gradio's part.
  window.retouchLink = (refused) => {
    let trigger = () => {};
    let next = null;
    const sent = { number: 0, busy: 0, since: 0, hints: null, timer: 0 };

    const flush = () => {
      const { event, ...asked } = next();
      next = null;
      sent.number += 1;
      Object.assign(sent, { busy: sent.number, since: performance.now(), hints: asked.hints });
      clearTimeout(sent.timer);
      sent.timer = setTimeout(failed, FINISH);
      document.querySelector("#retouch-picture").classList.add("busy");
      trigger(event, { number: sent.number, ...asked });
    };

    const stop = () => {
      sent.busy = 0;
      clearTimeout(sent.timer);
      document.querySelector("#retouch-picture")?.classList.remove("busy");
    };

    const failed = () => {
      if (!sent.busy) return;
      next = null;
      stop();
      refused();
    };

    return {
      connect: (send) => (trigger = send),
      ask: (event, asked) => trigger(event, asked),
      // what: says what to ask for, at the moment when it is asked.
      draw: (what) => {
        next = what;
        if (!sent.busy) flush();
      },
      // The drawing that an answer is for, or undefined; the next one goes out.
      answered: (number) => {
        if (number !== sent.busy) return undefined;
        const { since, hints } = sent;
        stop();
        if (next) flush();
        return { since, hints };
      },
      failed,
      forget: () => {
        next = null;
        stop();
      },
    };
  };
})();
