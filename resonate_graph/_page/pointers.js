// What mouse and fingers do on the picture.

// A tap goes there; a drag chooses what is looped; two fingers or the wheel with Ctrl zoom.
function followPointers(player) {
  const { stage } = player, down = new Map();
  const x = event => event.clientX - stage.getBoundingClientRect().left;
  let from = null, pinch = null;
  stage.addEventListener("pointerdown", event => {
    if (event.button) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, x(event));
    if (down.size === 1) from = x(event);
    if (down.size === 2) { const [a, b] = [...down.values()]; pinch = { apart: Math.abs(a - b), around: player.view.time((a + b) / 2) }; from = null; }
  });
  stage.addEventListener("pointermove", event => {
    hover(player, x(event));
    if (!down.has(event.pointerId)) return;
    down.set(event.pointerId, x(event));
    if (pinch && down.size === 2) {
      const [a, b] = [...down.values()], apart = Math.max(20, Math.abs(a - b));
      player.view.zoom(apart / pinch.apart, pinch.around);
      pinch.apart = apart;
      player.picture();
    } else if (from != null && Math.abs(x(event) - from) > 6) {
      player.dragging = [player.view.time(Math.max(0, from)), player.view.time(Math.min(player.view.width, Math.max(0, x(event))))].sort((a, b) => a - b);
      player.view.loop = player.dragging;
      player.view.draw();
    }
  });
  const up = event => {
    if (!down.delete(event.pointerId)) return;
    if (player.dragging) { const [a, b] = player.dragging; player.dragging = null; player.setLoop(a, b); if (!player.playing) player.seek(a); }
    else if (from != null && event.type === "pointerup" && !pinch) click(player, x(event), event);
    if (!down.size) from = pinch = null;
  };
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", event => { player.dragging = null; down.delete(event.pointerId); from = pinch = null; player.picture(); });
  stage.addEventListener("pointerleave", () => { player.tip.style.opacity = 0; });
  stage.addEventListener("wheel", event => {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) player.view.zoom(Math.exp(-event.deltaY / 200), player.view.time(x(event)));
    else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY) && !player.view.whole) {
      const by = sideways / player.view.width * player.view.length;
      player.view.show(player.view.from + by, player.view.to + by);
    } else return;
    event.preventDefault();
    player.picture();
  }, { passive: false });
  stage.addEventListener("dblclick", event => player.zoom(event.shiftKey ? 0.25 : 4, player.view.time(x(event))));
  player.part.addEventListener("pointerdown", event => { player.part.setPointerCapture(event.pointerId); pan(player, event); });
  player.part.addEventListener("pointermove", event => { if (event.buttons) pan(player, event); });
}

function pan(player, event) {
  const box = player.part.getBoundingClientRect(), middle = (event.clientX - box.left) / box.width * player.seconds;
  player.view.show(middle - player.view.length / 2, middle + player.view.length / 2);
  player.picture();
}

function click(player, x, event) {
  const top = event.clientY - player.stage.getBoundingClientRect().top;
  const mark = top < MARKS ? player.view.markAt(x) : null;
  player.seek(mark ? mark[0] : player.view.time(x));
}

function hover(player, x) {
  const mark = player.view.markAt(x), time = player.view.time(x);
  player.tip.textContent = mark ? `${clock(mark[0], 2)} ${mark[2]}` : clock(time, player.view.length < 20 ? 2 : 1);
  player.tip.style.opacity = 1;
  const half = player.tip.offsetWidth / 2;
  player.tip.style.left = `${Math.min(player.view.width - half, Math.max(half, x))}px`;
}
