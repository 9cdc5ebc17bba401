/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the ledger. See ledger_schema.h. */
#include "ledger/ledger_schema.h"

/* "hMLd", in the file's header. */
#define APPLICATION_ID 0x684d4c64

/*
 * Released steps are never changed: a new one is added. Times are seconds since 1970. Rows that are
 * listed are small, and stand apart from the notes. tally counts deliveries by state: of all
 * (subject 0 0), of an account (1), of an image (2); triggers keep it, so that nothing forgets to.
 */
static const char *const steps[] = {
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), site TEXT NOT NULL,"
    " log_size INTEGER NOT NULL, batch_time INTEGER NOT NULL, plan_base INTEGER) STRICT;"
    "INSERT INTO state VALUES (1, '', 0, 0, NULL);"
    "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE key (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account (id),"
    " name TEXT NOT NULL UNIQUE, vkey TEXT NOT NULL, note BLOB NOT NULL, created INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,"
    " counter INTEGER NOT NULL DEFAULT 0, last BLOB NOT NULL DEFAULT x'') STRICT;"
    "CREATE INDEX key_account ON key (account);"
    "CREATE TABLE image (id INTEGER PRIMARY KEY, path TEXT NOT NULL, entry INTEGER NOT NULL,"
    " sha256 BLOB NOT NULL, length INTEGER NOT NULL, UNIQUE (path, entry)) STRICT;"
    "CREATE INDEX image_sha256 ON image (sha256);"
    "CREATE TABLE delivery (id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES account "
    "(id),"
    " key INTEGER NOT NULL REFERENCES key (id), image INTEGER NOT NULL REFERENCES image (id),"
    " state INTEGER NOT NULL, requested INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " answered INTEGER NOT NULL DEFAULT 0, written INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX delivery_account ON delivery (account);"
    "CREATE INDEX delivery_image ON delivery (image);"
    "CREATE INDEX delivery_expires ON delivery (expires) WHERE state = 2;"
    "CREATE TABLE note (id INTEGER PRIMARY KEY, raw BLOB NOT NULL) STRICT;"
    "CREATE TABLE refusal (id INTEGER PRIMARY KEY, key INTEGER NOT NULL REFERENCES key (id),"
    " status INTEGER NOT NULL, sentence TEXT NOT NULL, time INTEGER NOT NULL, raw BLOB NOT NULL)"
    " STRICT;"
    "CREATE TABLE event (key INTEGER NOT NULL, epoch INTEGER NOT NULL, counter INTEGER NOT NULL,"
    " hash BLOB NOT NULL, delivery INTEGER, refusal INTEGER, PRIMARY KEY (key, epoch, counter))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE fork (key INTEGER NOT NULL, epoch INTEGER NOT NULL, counter INTEGER NOT NULL,"
    " time INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (key, epoch, counter))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE leaf (hash BLOB PRIMARY KEY, salt BLOB NOT NULL, delivery INTEGER NOT NULL,"
    " key INTEGER NOT NULL, number INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pending (id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;"
    "CREATE TABLE plan (place INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash BLOB) STRICT;"
    "CREATE TABLE source (hash BLOB PRIMARY KEY, position INTEGER NOT NULL,"
    " taken INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE transfer (id INTEGER PRIMARY KEY, account TEXT NOT NULL, path TEXT NOT NULL,"
    " sha256 BLOB NOT NULL, bytes INTEGER NOT NULL, is_complete INTEGER NOT NULL,"
    " time INTEGER NOT NULL, peer TEXT NOT NULL, door TEXT NOT NULL) STRICT;"
    "CREATE INDEX transfer_account ON transfer (account);"
    "CREATE INDEX transfer_sha256 ON transfer (sha256);"
    "CREATE TABLE gap (id INTEGER PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL,"
    " why TEXT NOT NULL) STRICT;"
    "CREATE TABLE tally (kind INTEGER NOT NULL, subject INTEGER NOT NULL, state INTEGER NOT NULL,"
    " count INTEGER NOT NULL, PRIMARY KEY (kind, subject, state)) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER tally_insert AFTER INSERT ON delivery BEGIN"
    " INSERT INTO tally VALUES (0, 0, new.state, 1), (1, new.account, new.state, 1),"
    " (2, new.image, new.state, 1) ON CONFLICT DO UPDATE SET count = count + 1; END;"
    "CREATE TRIGGER tally_state AFTER UPDATE OF state ON delivery WHEN old.state <> new.state BEGIN"
    " INSERT INTO tally VALUES (0, 0, new.state, 1), (1, new.account, new.state, 1),"
    " (2, new.image, new.state, 1) ON CONFLICT DO UPDATE SET count = count + 1;"
    " UPDATE tally SET count = count - 1 WHERE state = old.state AND ((kind = 0 AND subject = 0)"
    " OR (kind = 1 AND subject = old.account) OR (kind = 2 AND subject = old.image)); END;",
};

const struct hm_database_schema hm_ledger_schema = {.what = "deliveries",
                                                    .application_id = APPLICATION_ID,
                                                    .steps = steps,
                                                    .step_count = HM_ARRAY_COUNT(steps),
                                                    .is_wal = true};
