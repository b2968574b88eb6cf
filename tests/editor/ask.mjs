// Answers questions about a graph as VS Code would: a JSON of {schema, text, questions} comes in.
// A question is {"complete": offset}, {"hover": offset} or {"validate": true}.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/");
const { getLanguageService, TextDocument } = require("vscode-json-languageservice");
const { schema, cases } = JSON.parse(readFileSync(0, "utf8"));
const service = getLanguageService({});
const uri = "file:///graph.schema.json";
service.configure({ validate: true, schemas: [{ uri, fileMatch: ["*"], schema }] });

const answers = [];
for (const { text, ask, at } of cases) {
  const document = TextDocument.create("file:///graph.json", "json", 1, text);
  const json = service.parseJSONDocument(document);
  if (ask === "validate") {
    const found = await service.doValidation(document, json, {}, schema);
    answers.push(found.map(({ message, range }) => ({
      message, text: text.slice(document.offsetAt(range.start), document.offsetAt(range.end)),
    })));
  } else if (ask === "hover") {
    const found = await service.doHover(document, document.positionAt(at), json);
    answers.push((found?.contents ?? []).map((one) => one.value ?? one).join("\n"));
  } else {
    const found = await service.doComplete(document, document.positionAt(at), json);
    answers.push(found.items.map(({ label, insertText }) => ({ label, insert: insertText })));
  }
}
console.log(JSON.stringify(answers));
