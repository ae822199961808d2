// The stage on a page of its own, without a server: the payload stands in the page.

import { mount } from "./stage.js";

const payload = JSON.parse(document.getElementById("payload").textContent);
mount(document.querySelector(".stage"), payload, { onCommit: () => {}, onNeed: () => {}, isAnswered: false });
