"""The script with which tables sort by a click on a header; without it they stand in their order, complete."""

SCRIPT = """
for (const table of document.querySelectorAll("table")) {
  const lines = table.tHead?.rows, body = table.tBodies[0], rows = [...body?.rows ?? []];
  if (lines?.length !== 1 || rows.length < 2) continue;
  const heads = [...lines[0].cells];
  const key = (row, column) => {
    const text = row.cells[column]?.dataset.v ?? row.cells[column]?.textContent.trim() ?? "";
    return text === "–" ? "" : text.replaceAll("−", "-");
  };
  const sort = (column, up) => {
    const order = (a, b) => (a === "") - (b === "") || (up ? 1 : -1) * (a - b || a.localeCompare(b) || 0);
    body.append(...rows.sort((a, b) => order(key(a, column), key(b, column))));
  };
  heads.forEach((head, column) => {
    if (!head.textContent.trim()) return;
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sort(column, up);
    });
  });
}
"""
ELEMENT = f"<script>{SCRIPT}</script>"
