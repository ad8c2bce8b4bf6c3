// Loaded by every page. Each part asks for itself whether the page needs it.
import "./menus.js";
import "./times.js";

const page = document.querySelector("main")?.dataset.page;
if (page === "deployment") import("./live.js").then((live) => live.start());
if (page === "diff" || page === "review") import("./diff.js").then((diff) => diff.start());
if (page === "request_new") import("./tags.js").then((tags) => tags.start());
