// What the parts of the page share: the state that the server sent, and the way to the server.
// Every part is a Gradio HTML component; this runs once, before the first of them.
if (!window.picker) {
  window.picker = (() => {
    const state = {};
    const parts = [];
    let toServer = null;
    let busy = null;

    // The scene's runs as the index of an object for every pixel, and a box around each object.
    function unfold(scene) {
      const index = new Uint32Array(scene.width * scene.height);
      let at = 0;
      for (let i = 0; i < scene.runs.length; i += 2) {
        index.fill(scene.runs[i + 1], at, at + scene.runs[i]);
        at += scene.runs[i];
      }
      scene.index = index;
      scene.boxes = scene.objects.map(() => [scene.width, scene.height, -1, -1]);
      for (let y = 0, i = 0; y < scene.height; y++) {
        for (let x = 0; x < scene.width; x++, i++) {
          const box = scene.boxes[index[i]];
          if (x < box[0]) box[0] = x;
          if (y < box[1]) box[1] = y;
          if (x > box[2]) box[2] = x;
          if (y > box[3]) box[3] = y;
        }
      }
      scene.outlines = new Map();
      scene.byClass = new Map(scene.classes.map((c) => [c.id, c]));
    }

    function put(channel, value) {
      const old = state[channel];
      // Answers may overtake one another; an older one is of no use.
      if (!value || (old && value.serial < old.serial)) return;
      if (channel === "scene") unfold(value);
      state[channel] = value;
      // The server gives the original once, when a scene is opened.
      if (channel === "stage") value.original ||= value.changed && old ? old.original : value.picture;
      if (channel === "stage") document.body.classList.toggle("picker-unsaved", value.unsaved);
      if (channel === "stage" || channel === "notice") idle();
      for (const part of parts) {
        if (part.element.isConnected && part.channels.includes(channel)) part.draw();
      }
    }

    function add(element, channels, draw) {
      parts.push({ element, channels, draw });
      draw();
    }

    function send(type, data) {
      if (!toServer) return;
      if (!busy) busy = setTimeout(() => document.body.classList.add("picker-busy"), 250);
      localStorage.picker = sessionStorage.picker;
      toServer(type, data || {});
    }

    function idle() {
      clearTimeout(busy);
      busy = null;
      document.body.classList.remove("picker-busy");
    }

    // The displayed size of a picture: enlarged by a whole number of the screen's pixels where that
    // wastes little room, so that its pixels stay sharp; else as large as there is room.
    function fit(width, height, roomWidth, roomHeight) {
      const dots = window.devicePixelRatio || 1;
      const scale = Math.min(roomWidth / width, roomHeight / height);
      const whole = Math.floor(scale * dots) / dots;
      const factor = whole * dots >= 2 && whole > 0.93 * scale ? whole : scale;
      return { factor, width: Math.round(width * factor), height: Math.round(height * factor) };
    }

    // The outline of one object, in the picture's pixels, and the numbers of those around it.
    function outline(scene, number) {
      if (scene.outlines.has(number)) return scene.outlines.get(number);
      const [left, top, right, bottom] = scene.boxes[number];
      const { width, height, index } = scene;
      const path = new Path2D();
      const around = new Set();
      const side = (there, next, x0, y0, x1, y1) => {
        if (there && index[next] === number) return;
        if (there) around.add(index[next]);
        path.moveTo(x0, y0);
        path.lineTo(x1, y1);
      };
      for (let y = top; y <= bottom; y++) {
        for (let x = left; x <= right; x++) {
          const i = y * width + x;
          if (index[i] !== number) continue;
          side(x > 0, i - 1, x, y, x, y + 1);
          side(x < width - 1, i + 1, x + 1, y, x + 1, y + 1);
          side(y > 0, i - width, x, y, x + 1, y);
          side(y < height - 1, i + width, x, y + 1, x + 1, y + 1);
        }
      }
      scene.outlines.set(number, { path, around });
      return { path, around };
    }

    function nameOf(scene, number) {
      const [id, cls] = scene.objects[number];
      const name = (scene.byClass.get(cls) || { name: `class-${cls}` }).name;
      return id === cls ? name : `${name} ${id}`;
    }

    // The pixel under a pointer, as fractions; null where no picture is.
    function pixel(event, element, scene) {
      const box = element.getBoundingClientRect();
      return [
        ((event.clientX - box.left) / box.width) * scene.width,
        ((event.clientY - box.top) / box.height) * scene.height,
      ];
    }

    // The name of this tab's work: its own after a reload, else that of the tab that was worked
    // in last, unless that is still open; else a new one.
    async function work() {
      const known = sessionStorage.picker || localStorage.picker;
      const others = new BroadcastChannel("picker");
      let mine = null;
      let taken = !known;
      others.onmessage = ({ data }) => {
        if (mine && data.ask === mine) others.postMessage({ taken: mine });
        if (data.taken === known) taken = true;
      };
      if (known) {
        others.postMessage({ ask: known });
        await new Promise((done) => setTimeout(done, 150));
      }
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      mine = taken ? Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("") : known;
      sessionStorage.picker = mine;
      return mine;
    }

    // Selects an object by its number, as if it were clicked.
    function reach(number) {
      const at = state.scene.index.indexOf(number);
      send("pick", { x: (at % state.scene.width) + 0.5, y: Math.floor(at / state.scene.width) + 0.5 });
    }

    const connect = (sender) => (toServer = sender);
    return { state, put, add, send, idle, fit, outline, nameOf, pixel, reach, connect, work };
  })();

  // One theme, the light one: pictures are judged on a quiet ground. Removing a class counts as
  // a change even where it is not there, so that must be asked first.
  const light = () => {
    if (document.body.classList.contains("dark")) document.body.classList.remove("dark");
  };
  new MutationObserver(light).observe(document.body, { attributeFilter: ["class"] });
  light();

  window.addEventListener("beforeunload", (event) => {
    const { stage } = window.picker.state;
    if (stage && stage.unsaved) event.preventDefault();
  });

  let frame = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => document.dispatchEvent(new Event("picker-resize")));
  });
}
