/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the journal's file, and the number of this format. A change of any of them is a new
 * format: raise SP_SCHEMA_VERSION. A file of an older format is set aside and begun anew, because
 * what is in it can be found out again.
 *
 * Not here: what a row means (known.c, runs.c, uploads.c) and how it is sealed (db.h).
 */
#ifndef SP_JOURNAL_SCHEMA_H
#define SP_JOURNAL_SCHEMA_H

#define SP_SCHEMA_VERSION 4
#define SP_SCHEMA_APPLICATION 0x53507274 /* "SPrt": whose file it is (SQLite's application_id) */
#define SP_MAX_FIELDS 12                 /* of one row, without the seal */

struct sp_table {
  const char *name;
  const char *kinds;  /* of its fields, a letter each: n number, t text, d digest */
  const char *create; /* as SQLite keeps it, letter by letter */
  const char *put;
};

/* What `gone` of a tag says; SP_TAG_LATE and SP_TAG_UNDATED may be added to each of them. */
enum sp_tag_gone {
  SP_TAG_THERE = 0,
  SP_TAG_GONE = 1,
  SP_TAG_MEANT = 2,   /* gone, as was meant */
  SP_TAG_LATE = 4,    /* nobody here saw what came before it end */
  SP_TAG_UNDATED = 8, /* nor is known when it began: a clock was wrong */
};

/* `place` in a table is sp_db_key of the place's name. */
extern const struct sp_table sp_table_tags;    /* place, tag, since, digest, gone */
extern const struct sp_table sp_table_digests; /* place, digest, first seen, touched, read,
                                                  referrers asked, damaged, needs read */
extern const struct sp_table sp_table_blobs;   /* place, digest, read */
extern const struct sp_table sp_table_rot;     /* store, digest, place, damaged, known; `store` is
                                                  sp_db_key of what journal/rot.h calls so */
extern const struct sp_table sp_table_uploads; /* place, digest, size, offset, location, at */
extern const struct sp_table sp_table_runs;    /* id, command, subject, started, ended, exit status,
                                                  images, failed, writes, bytes */
extern const struct sp_table sp_table_images;  /* run, number, image, place, result, digest, code,
                                                  message */
extern const struct sp_table sp_table_writes;  /* run, number, kind, at, place, tag, digest, before,
                                                  size */
extern const struct sp_table sp_table_marks;   /* key of a name, name, at: when a place was last
                                                  told of; "" when the journal was last pruned */

/* All of them, in the order in which they are made; ends with NULL. */
extern const struct sp_table *const sp_tables[];

#endif
