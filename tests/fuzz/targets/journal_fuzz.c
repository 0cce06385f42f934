/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's file as bytes from outside: whatever it is, every question is answered, and nothing
 * is moved or made by asking. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/known.h"
#include "journal/rot.h"
#include "journal/runs.h"
#include "journal/uploads.h"
#include "oci/reference.h"

#define PLACE "ghcr.io/acme/app" /* of the corpus */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64];

static void remove_dir(void)
{
  char path[128];
  static const char *const names[] = {"journal.db", "journal.db-journal"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", dir, names[i]);
    (void)unlink(path);
  }
  if (rmdir(dir) < 0)
    abort(); /* something was made */
}

static void make_dir(const uint8_t *data, size_t size)
{
  char path[128];
  snprintf(dir, sizeof dir, "%s/safeport-fuzz-XXXXXX",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  if (!mkdtemp(dir))
    abort();
  snprintf(path, sizeof path, "%s/journal.db", dir);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0 || write(fd, data, size) != (ssize_t)size)
    abort();
  close(fd);
}

static int see_image(void *ctx, const struct sp_run_image *image, struct sp_err *err)
{
  (void)err;
  *(size_t *)ctx += strlen(image->image) + strlen(image->place) + strlen(image->result);
  return 0;
}

static int see_write(void *ctx, const struct sp_run_write *write, struct sp_err *err)
{
  (void)err;
  *(size_t *)ctx +=
      strlen(write->place) + strlen(write->tag) + strlen(sp_write_kind_name(write->kind));
  return 0;
}

static void ask_runs(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_run *runs;
  size_t count;
  size_t seen = 0;
  const struct sp_run_visitor visitor = {.image = see_image, .write = see_write, .ctx = &seen};
  if (sp_runs_list(journal, 100, &runs, &count, &err) < 0)
    abort();
  for (size_t i = 0; i < count; i++) {
    if (runs[i].id <= 0 || sp_runs_walk(journal, runs[i].id, &visitor, &err) < 0)
      abort();
  }
  sp_runs_free(runs, count);
}

static void ask_place(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_KNOWN struct sp_known known;
  struct sp_upload_session *sessions;
  size_t count;
  if (sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err) < 0 ||
      sp_uploads_read(journal, PLACE, &sessions, &count, &err) < 0)
    abort();
  for (size_t i = 0; i < known.tag_count; i++) {
    if (!sp_ref_is_tag(sp_span_str(known.tags[i].tag)) ||
        known.tags[i].digest.alg == SP_DIGEST_NONE || known.tags[i].since_s <= 0 ||
        sp_known_find_tag(&known, known.tags[i].tag) != &known.tags[i])
      abort();
  }
  for (size_t i = 0; i < known.digest_count; i++) {
    const struct sp_known_digest *digest = &known.digests[i];
    if (digest->needs_read && digest->damaged_s <= 0)
      abort();
  }
  sp_uploads_free(sessions, count);
}

static void ask_rot(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_ROT struct sp_rot rot = {0};
  if (sp_rot_read(journal, PLACE, &rot, &err) < 0)
    abort();
  for (size_t i = 0; i < rot.count; i++) {
    const struct sp_rot_blob *blob = &rot.blobs[i];
    if (blob->digest.alg == SP_DIGEST_NONE || blob->known_s > rot.known_s ||
        (i > 0 && memcmp(&blob[-1].digest, &blob->digest, sizeof blob->digest) == 0))
      abort();
  }
}

static void ask_places(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  SP_CLEANUP(sp_known_names_clear_auto_) struct sp_known_names names;
  if (sp_known_places(journal, "ghcr.io/", &names, &err) < 0)
    abort();
  for (size_t i = 0; i < names.count; i++) {
    if (names.items[i][0] == '\0')
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal;
  make_dir(data, size);
  if (sp_journal_open(dir, SP_JOURNAL_READ, &journal, &err) < 0)
    abort();
  ask_place(journal);
  ask_rot(journal);
  ask_places(journal);
  ask_runs(journal);
  sp_journal_close(journal);
  remove_dir();
  return 0;
}
