-- Makes the collection `notes` and fills it from docs/demo/notes.csv (topic, title, body).
-- Titles and bodies are embedded, as one text; topic is there to filter by.
-- Read by the sqlite3 shell in the repository's root, with the extension loaded.
CREATE VIRTUAL TABLE notes USING kindred(title, body, topic TEXT);

-- .import makes an ordinary table with the names of the file's first line.
.import --csv docs/demo/notes.csv imported
INSERT INTO notes(topic, title, body) SELECT topic, title, body FROM imported;
DROP TABLE imported;
