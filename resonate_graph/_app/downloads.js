// Links to files of a run.
export default function ({ parentElement, data }) {
  parentElement.querySelector(".rg-downloads")?.remove();
  const list = document.createElement("ul");
  list.className = "rg-downloads";
  for (const { label, href, name } of data.links) {
    const link = document.createElement("a"), item = document.createElement("li");
    link.href = href;
    link.textContent = label;
    if (name) link.download = name;
    else link.target = "_blank";
    item.append(link);
    list.append(item);
  }
  parentElement.append(list);
}
