/* SPDX-License-Identifier: Apache-2.0 */
/* Rows lie in their primary key's order (WITHOUT ROWID): there is no index beside a table that
 * could disagree with it. STRICT: a field has the type that it was declared with. */
#include "journal/schema.h"

#include <stddef.h>

/* One table: its columns with their types, and as many marks as columns. */
#define TABLE(name_, kinds_, columns, key, marks) \
  const struct sp_table sp_table_##name_ = { \
      .name = #name_, \
      .kinds = kinds_, \
      .create = "CREATE TABLE " #name_ "(" columns ", seal INTEGER NOT NULL, PRIMARY KEY(" key \
                ")) STRICT, WITHOUT ROWID", \
      .put = "INSERT OR REPLACE INTO " #name_ " VALUES(" marks ",?)", \
  }
#define NUMBER " INTEGER NOT NULL"
#define TEXT " TEXT NOT NULL"
#define DIGEST " BLOB NOT NULL" /* algorithm (1 byte) and raw digest; empty: none */

TABLE(tags, "ntndn",
      "place" NUMBER ", tag" TEXT ", since_s" NUMBER ", digest" DIGEST ", gone" NUMBER,
      "place, tag, since_s", "?,?,?,?,?");
TABLE(digests, "ndnnnnnn",
      "place" NUMBER ", digest" DIGEST ", first_seen_s" NUMBER ", touched_s" NUMBER
      ", read_s" NUMBER ", referrers_s" NUMBER ", damaged_s" NUMBER ", needs_read" NUMBER,
      "place, digest", "?,?,?,?,?,?,?,?");
TABLE(blobs, "ndn", "place" NUMBER ", digest" DIGEST ", read_s" NUMBER, "place, digest", "?,?,?");
TABLE(rot, "ndnnn",
      "store" NUMBER ", digest" DIGEST ", place" NUMBER ", damaged_s" NUMBER ", known_s" NUMBER,
      "store, digest, place", "?,?,?,?,?");
TABLE(uploads, "ndnntn",
      "place" NUMBER ", digest" DIGEST ", size_bytes" NUMBER ", offset_bytes" NUMBER
      ", location" TEXT ", at_s" NUMBER,
      "place, digest", "?,?,?,?,?,?");
TABLE(runs, "nttnnnnnnn",
      "id" NUMBER ", command" TEXT ", subject" TEXT ", started_s" NUMBER ", ended_s" NUMBER
      ", exit_status" NUMBER ", images" NUMBER ", failed" NUMBER ", writes" NUMBER
      ", bytes_sent" NUMBER,
      "id", "?,?,?,?,?,?,?,?,?,?");
TABLE(images, "nntttdtt",
      "run" NUMBER ", number" NUMBER ", image" TEXT ", place" TEXT ", result" TEXT ", digest" DIGEST
      ", code" TEXT ", message" TEXT,
      "run, number", "?,?,?,?,?,?,?,?");
TABLE(writes, "nnnnttddn",
      "run" NUMBER ", number" NUMBER ", kind" NUMBER ", at_s" NUMBER ", place" TEXT ", tag" TEXT
      ", digest" DIGEST ", digest_before" DIGEST ", size_bytes" NUMBER,
      "run, number", "?,?,?,?,?,?,?,?,?");
TABLE(marks, "ntn", "name_key" NUMBER ", name" TEXT ", at_s" NUMBER, "name_key", "?,?,?");

const struct sp_table *const sp_tables[] = {
    &sp_table_tags, &sp_table_digests, &sp_table_blobs,  &sp_table_rot,   &sp_table_uploads,
    &sp_table_runs, &sp_table_images,  &sp_table_writes, &sp_table_marks, NULL,
};
