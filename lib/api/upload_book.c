/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal cannot do costs a second sending, and nothing else: its failures are for
 * sp_journal_trouble and the log. */
#include "api/upload_book.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "journal/uploads.h"

static struct sp_journal *journal_of(struct sp_upload_memory *memory)
{
  return ((struct sp_upload_book *)memory)->journal;
}

static void note(const struct sp_err *err)
{
  if (err->code != SP_OK)
    sp_log(SP_LOG_INFO, "an upload cannot be remembered: %s", err->msg);
}

static void find(struct sp_upload_memory *memory, const char *repository,
                 const struct sp_digest *digest, uint64_t size_bytes, char **location,
                 uint64_t *offset)
{
  struct sp_upload_session *sessions;
  size_t count;
  struct sp_err err = SP_ERR_INIT;
  *location = NULL;
  if (size_bytes < SP_RESUMABLE_BYTES)
    return;
  if (sp_uploads_read(journal_of(memory), repository, &sessions, &count, &err) < 0) {
    note(&err);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    if (!sp_digest_eq(&sessions[i].digest, digest) || sessions[i].size_bytes != size_bytes)
      continue;
    *offset = sessions[i].offset;
    *location = sp_steal(&sessions[i].location);
    break;
  }
  sp_uploads_free(sessions, count);
}

static bool keep(struct sp_upload_memory *memory, const char *repository,
                 const struct sp_digest *digest, uint64_t size_bytes, uint64_t offset,
                 const char *location)
{
  SP_AUTO_FREE char *mine = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (size_bytes < SP_RESUMABLE_BYTES)
    return false;
  if (sp_text_dup(&mine, location, &err) < 0) {
    note(&err);
    return false;
  }
  const struct sp_upload_session session = {.digest = *digest,
                                            .size_bytes = size_bytes,
                                            .offset = offset,
                                            .location = mine,
                                            .at_s = sp_clock_wall_s()};
  if (sp_uploads_tell(journal_of(memory), repository, &session, &err) < 0) {
    note(&err);
    return false;
  }
  sp_journal_flush(journal_of(memory));
  return true;
}

static void forget(struct sp_upload_memory *memory, const char *repository,
                   const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  if (sp_uploads_forget(journal_of(memory), repository, digest, &err) == 0)
    sp_journal_flush(journal_of(memory));
  note(&err);
}

void sp_upload_book_init(struct sp_upload_book *book, struct sp_journal *journal)
{
  *book = (struct sp_upload_book){.memory = {.find = find, .keep = keep, .forget = forget},
                                  .journal = journal};
}
