/* SPDX-License-Identifier: Apache-2.0 */
/* What earlier runs knew of an image: from this host's journal, and where that knows nothing (a
 * fresh runner, a lost journal), from the record that lies on a backup.
 *
 * The journal knows a primary, and each backup by itself: two images may have one primary, and who
 * worked on the one need not know what the records of the other say.
 *
 * Life cycle: sp_past_read, sp_past_clear. Threads: read-only once read.
 */
#ifndef SP_SYNC_PAST_H
#define SP_SYNC_PAST_H

#include "journal/known.h"
#include "journal/record.h"
#include "journal/rot.h"
#include "store/retry.h"
#include "sync/side.h"

struct sp_past {
  struct sp_known primary;
  struct sp_known backups[SP_MAX_DESTINATIONS];
  struct sp_rot primary_rot;
  struct sp_rot rots[SP_MAX_DESTINATIONS]; /* of each backup */
  size_t backup_count;
  struct sp_record records[SP_MAX_DESTINATIONS]; /* as they lie on the backups; empty if not read */
  bool has_record[SP_MAX_DESTINATIONS];          /* it was read */
  bool lacks_record[SP_MAX_DESTINATIONS];        /* it was asked for, and is not there */
  struct sp_err unread; /* why one that is there cannot be read; code SP_OK: all can */
  size_t unread_at;     /* the number of its backup */
  bool is_told;    /* of the primary's tags for these backups this host knows from records alone */
  bool has_memory; /* it knows of them at all */
  bool has_asked;  /* the records were read, as far as they could be */
};

/* Reads the journal; the records that it lacks (sp_past_find_lacking), and all of them if a date
 * lies ahead of now, are read and told to the journal first (one that only reads:
 * sp_journal_work_on_copy), of those `backups` that could be listed. Whether a backup lists its
 * record says nothing: it is asked for. One of another primary is no record; one that is there and
 * cannot be read is `unread`. Fails: SP_E_NOMEM, SP_E_INTERRUPTED. Blocks on disk, and on the
 * backups. */
SP_MUST_CHECK int sp_past_read(struct sp_past *past, struct sp_journal *journal,
                               const char *primary, const struct sp_side *backups,
                               size_t backup_count, const struct sp_retry_policy *retry,
                               struct sp_err *err);
/* The same of a journal that knows them, when what it says is an alarm, or says nothing of what is
 * there: it may be older than the records, or another host's. What is known may be other things
 * now. *has_news: there was a record that had not been read. */
SP_MUST_CHECK int sp_past_ask_records(struct sp_past *past, struct sp_journal *journal,
                                      const char *primary, const struct sp_side *backups,
                                      const struct sp_retry_policy *retry, bool *has_news,
                                      struct sp_err *err);
void sp_past_clear(struct sp_past *past);
/* Whose records must be read before anything is done (bit N: backup N)? All, if the journal has no
 * tag of the primary, else those of which it knows nothing. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_past_find_lacking(struct sp_journal *journal, const char *primary,
                                       const struct sp_side *backups, size_t backup_count,
                                       uint32_t *lacking, struct sp_err *err);
/* Tells the journal what the record of that backup says, if it was read and is one of this primary:
 * of tags what is new to this host. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_past_tell_record(const struct sp_past *past, size_t number,
                                      struct sp_journal *journal, const char *primary,
                                      const char *backup, struct sp_err *err);
/* This host has worked on a backup whose record it has read, or asked for in vain: it does not lack
 * that any more. */
SP_MUST_CHECK int sp_past_tell_worked(const struct sp_past *past, size_t number,
                                      struct sp_journal *journal, const char *backup,
                                      struct sp_err *err);
/* What the records were asked about and did not know, as seen from this backup: a digest of it
 * (strays.h); alg NONE: nothing. */
SP_MUST_CHECK int sp_past_read_asked(struct sp_journal *journal, const char *backup,
                                     struct sp_digest *about, struct sp_err *err);
SP_MUST_CHECK int sp_past_tell_asked(struct sp_journal *journal, const char *backup,
                                     const struct sp_digest *about, struct sp_err *err);
/* Reads the record of one of those backups, listed or not, if it was not asked for yet and the
 * backup could be listed; the journal is not told. Fails: as sp_record_fetch; nothing is read then.
 */
SP_MUST_CHECK int sp_past_fetch_record(struct sp_past *past, size_t number,
                                       const struct sp_side *backup,
                                       const struct sp_retry_policy *retry, struct sp_err *err);
/* The primary of which the record of that backup is, if it was read and is not of this one; else
 * NULL. Borrowed. */
const char *sp_past_other_owner(const struct sp_past *past, size_t number, const char *primary);
/* Fails then, with that in words: SP_E_REFUSED. `backup` is its name, for them. */
SP_MUST_CHECK int sp_past_check_owner(const struct sp_past *past, size_t number, const char *backup,
                                      const char *primary, struct sp_err *err);
/* Another run may have written it since: it is fetched anew, if it is wanted. */
void sp_past_forget_record(struct sp_past *past, size_t number);

/* What the tag named at the primary when it was last looked at; alg NONE: not known, or gone. */
struct sp_digest sp_past_named(const struct sp_past *past, const char *tag);
/* The same, gone or not: a tag that comes back is to be what it was. */
struct sp_digest sp_past_named_last(const struct sp_past *past, const char *tag);
/* What the tag named at this backup when a run last saw it there, or, if none did, at the primary:
 * the record knows no more. alg NONE: not known. */
struct sp_digest sp_past_named_at(const struct sp_past *past, size_t backup, const char *tag);
/* When the digest was last proven at this backup, with all in mind that is known of its store
 * (journal/rot.h); 0 = never. */
int64_t sp_past_proven_s(const struct sp_past *past, size_t backup, const struct sp_digest *digest);
/* What is known of the digest at this backup; nothing but itself if nothing is. */
struct sp_known_digest sp_past_copy(const struct sp_past *past, size_t backup,
                                    const struct sp_digest *digest);
/* Is it known to have wrong bytes there (sp_known_needs_read)? */
bool sp_past_needs_read(const struct sp_past *past, size_t backup, const struct sp_digest *digest);
/* What the record at a backup says of copies there, without asking the backup (`backup`: as
 * sp_store_known_as names it): `*said` (the caller's: sp_known_clear) has digests, and of tags
 * those that it says are gone, or once said so. As sp_past_tell_said was told, by this run or an
 * earlier one. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_past_read_said(struct sp_journal *journal, const char *backup,
                                    struct sp_known *said, struct sp_err *err);
/* The same of rot, added to an empty record. */
SP_MUST_CHECK int sp_past_read_said_rot(struct sp_journal *journal, const char *backup,
                                        struct sp_record *said, struct sp_err *err);
/* The record at the backup was seen to say, or was written to say, this. Damage that it tells of is
 * known here too from now on. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_past_tell_said(struct sp_journal *journal, const char *backup,
                                    const struct sp_record *record, struct sp_err *err);
/* The record at the backup was seen to be there and not to be whole, and not replaced so far; and
 * is that said? As sp_past_tell_said. */
SP_MUST_CHECK int sp_past_tell_unread(struct sp_journal *journal, const char *backup,
                                      struct sp_err *err);
bool sp_past_is_unread(const struct sp_known *said);
/* Can what failed with this not be read, and not only for a moment? What is of a newer safeport
 * can. */
bool sp_past_is_record_lost(const struct sp_err *err);
/* When the digest was first seen at the primary, or what the tag names, or named last, there; 0 =
 * not known. */
int64_t sp_past_first_seen_s(const struct sp_past *past, const struct sp_digest *digest);
int64_t sp_past_tag_first_seen_s(const struct sp_past *past, const char *tag);

SP_DEFINE_AUTO_CLEAR(struct sp_past, sp_past_clear)

#endif
