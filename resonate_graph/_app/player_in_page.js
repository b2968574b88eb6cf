
// Puts the player of a run's page into Streamlit's page.
export default function ({ parentElement, data }) {
  if (parentElement.dataset.shown === data.id) return;
  parentElement.dataset.shown = data.id;
  parentElement.querySelectorAll(".rg-player").forEach(one => { one.player?.pause(); one.remove(); });
  const told = JSON.parse(data.document);
  const root = document.createElement("div"), script = document.createElement("script");
  root.className = "rg-player";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", told.label);
  script.type = "application/json";
  script.textContent = data.document;
  root.append(script);
  parentElement.append(root);
  window.resonatePlayer.mount(root);
  return () => root.player?.pause();
}
