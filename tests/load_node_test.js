// Loads the extension into node's better-sqlite3, which brings a SQLite of its own that is newer
// than the distribution's, and walks through what an application does.
// Usage: load_node_test.js FOLDER EXTENSION, with better-sqlite3 in FOLDER/node_modules.
// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');

const [folder, extension] = process.argv.slice(2);
const Database = require(path.resolve(folder, 'node_modules', 'better-sqlite3'));
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'kindred-node-'));
const file = path.join(scratch, 'app.db');

function open() {
  const db = new Database(file);
  db.loadExtension(extension);
  return db;
}

const column = (db, sql, ...parameters) => db.prepare(sql).pluck().all(...parameters);
const nearest = (db, query, n) =>
  column(db, "SELECT rowid FROM knn('faq', ?) ORDER BY distance LIMIT ?", query, n);
const bytes = (...values) => Buffer.from(Float32Array.from(values).buffer);

let db = open();
console.log(`SQLite ${column(db, 'SELECT sqlite_version()')[0]}, kindred ${
  column(db, 'SELECT kindred_version()')[0]}`);

const steps = {
  'rows go in and knn finds the one that is asked for'() {
    db.exec('CREATE VIRTUAL TABLE faq USING kindred(question, answer TEXT, lang TEXT)');
    const insert = db.prepare('INSERT INTO faq(question, answer, lang) VALUES (?, ?, ?)');
    insert.run('How do I reset my password?', 'By the link on the sign-in page.', 'en');
    insert.run('When does the shop open?', 'At nine.', 'en');
    insert.run('Wie setze ich mein Passwort zurück?', 'Über den Verweis.', 'de');
    insert.run('How do I cancel my order?', 'Press Cancel until it is sent.', 'en');
    assert.deepStrictEqual(nearest(db, 'reset the password', 1), [1]);
    assert.strictEqual(nearest(db, 'reset the password', 10).length, 4);
  },
  'MATCH filters by metadata'() {
    const filtered = 'SELECT rowid FROM faq WHERE faq MATCH ? AND lang = ? AND k = 3';
    assert.deepStrictEqual(column(db, filtered, 'reset password', 'de'), [3]);
    assert.deepStrictEqual(column(db, filtered, 'reset password', 'en').sort(), [1, 2, 4]);
  },
  'knn joins with the collection under any WHERE'() {
    assert.deepStrictEqual(
      column(db,
        `SELECT f.answer FROM knn('faq', 'cancel the order') AS k JOIN faq AS f ON f.rowid = k.rowid
         WHERE f.lang = 'en' AND length(f.answer) < 25 ORDER BY k.distance LIMIT 1`).length, 1);
  },
  'an exception in a transaction takes rows and vectors back'() {
    const failing = db.transaction(() => {
      db.exec("INSERT INTO faq(rowid, question) VALUES (9, 'Do you sell bicycles?')");
      db.exec('DELETE FROM faq WHERE rowid = 1');
      assert.deepStrictEqual(nearest(db, 'a bicycle', 1), [9]);
      throw new Error('changed my mind');
    });
    assert.throws(failing, /changed my mind/);
    assert.deepStrictEqual(nearest(db, 'reset the password', 1), [1]);
    assert(!nearest(db, 'a bicycle', 10).includes(9));
  },
  'a bad call throws and leaves the connection usable'() {
    assert.throws(() => column(db, "SELECT rowid FROM knn('no_such_table', 'x')"), /knn/);
    assert.throws(() => column(db, 'SELECT cosine(?, ?)', bytes(1, 2), bytes(1, 2, 3)), /cosine/);
    assert.deepStrictEqual(nearest(db, 'reset the password', 1), [1]);
  },
  'vectors from outside go in and are found'() {
    db.exec(`CREATE VIRTUAL TABLE points USING kindred(
      id INTEGER PRIMARY KEY, place float[2] distance_metric=l2)`);
    const insert = db.prepare('INSERT INTO points(id, place) VALUES (?, ?)');
    // better-sqlite3 hands numbers over as REAL; only BigInt arrives as INTEGER.
    for (let i = 1; i <= 20; ++i) insert.run(BigInt(i), bytes(i, 0));
    assert.deepStrictEqual(
      db.prepare('SELECT id, distance FROM points WHERE place MATCH ? AND k = 2')
        .all(bytes(7.25, 0)),
      [{ id: 7, distance: 0.25 }, { id: 8, distance: 0.75 }]);
  },
  'whole numbers that arrive as REAL are k, ef, exact and LIMIT'() {
    const near = bytes(7.25, 0);
    assert.deepStrictEqual(column(db, "SELECT rowid FROM knn('points', ?, ?)", near, 2), [7, 8]);
    assert.deepStrictEqual(
      column(db, 'SELECT id FROM points WHERE place MATCH ? AND k = ? AND ef = ? AND exact = ?',
        near, 2, 100, 1), [7, 8]);
    assert.deepStrictEqual(column(db, 'SELECT vec_length(vec_slice(?, ?, ?))', near, 0, 1), [1]);
    assert.throws(() => column(db, "SELECT rowid FROM knn('points', ?, ?)", near, 2.5), /k: .*2.5/);
  },
  'a LIMIT gets its rows under any condition, from a graph or not'() {
    db.exec(`CREATE VIRTUAL TABLE many USING kindred(
      id INTEGER PRIMARY KEY, place float[4] distance_metric=l2, b INTEGER, name TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11000)
      INSERT INTO many SELECT i, vec_f32(printf('[%d,%d,1,1]', i % 7, i % 3)), i % 10, i FROM n;
      INSERT INTO many(many) VALUES ('optimize')`);
    const search = (rest) =>
      column(db, 'SELECT id FROM many WHERE place MATCH ? AND ' + rest, bytes(1, 1, 1, 1));
    // What a number that is computed equals in a column of text SQLite finds out itself.
    assert.deepStrictEqual(search('b = 7 AND name = abs(-7) ORDER BY distance LIMIT 3'), [7]);
    assert.deepStrictEqual(search('name = abs(-10007) LIMIT 3'), [10007]);
    const first = search('b = 7 ORDER BY distance, id LIMIT 3');
    assert.deepStrictEqual(first, search('b = 7 AND exact = 1 ORDER BY distance, id LIMIT 3'));
    assert.deepStrictEqual(search('b = 7 ORDER BY id DESC LIMIT 2'), [10997, 10987]);
  },
  'everything is there after closing and opening again'() {
    db.close();
    db = open();
    assert.deepStrictEqual(nearest(db, 'cancel', 1), [4]);
    assert.strictEqual(column(db, 'SELECT count(*) FROM points')[0], 20);
  },
};

try {
  for (const [name, step] of Object.entries(steps)) {
    step();
    console.log(`ok: ${name}`);
  }
} finally {
  if (db.open) db.close();
  fs.rmSync(scratch, { recursive: true });
}
