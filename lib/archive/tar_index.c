/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive reads the headers and jumps over the bytes between them (a seek, no read). What it
 * says is checked against what it did: after a header its position is where the member's bytes
 * begin, and the next header must stand exactly behind them. So whatever a header says of itself
 * twice (sparse maps, PAX sizes, base-256), the bytes that we would read are the bytes that others
 * would read, or the archive is refused. */
#include "archive/tar_index.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/libarchive.h"
#include "archive/tar_path.h"
#include "base/checked.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"

#define BLOCK 512u
#define READ_BYTES (64u * SP_KIB)
#define LINKS_MAX 8 /* one behind the other; real ones have one */

/* -- reading the file for libarchive */

struct feed {
  int fd;
  uint64_t at, size_bytes;
  int failed; /* errno of a read that failed */
  char buffer[READ_BYTES];
};

static la_ssize_t feed_read(struct archive *a, void *ctx, const void **bytes)
{
  struct feed *feed = ctx;
  ssize_t n;
  do {
    n = pread(feed->fd, feed->buffer, sizeof feed->buffer, (off_t)feed->at);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    feed->failed = errno;
    sp_libarchive.archive_set_error(a, errno, "cannot be read");
    return ARCHIVE_FATAL;
  }
  feed->at += (uint64_t)n;
  *bytes = feed->buffer;
  return n;
}

/* Beyond the end there is nothing to be skipped: a size that leads there is found by the caller. */
static la_int64_t feed_skip(struct archive *a, void *ctx, la_int64_t wanted)
{
  (void)a;
  struct feed *feed = ctx;
  uint64_t left = feed->size_bytes > feed->at ? feed->size_bytes - feed->at : 0;
  uint64_t n = (uint64_t)wanted < left ? (uint64_t)wanted : left;
  feed->at += n;
  return (la_int64_t)n;
}

static void free_reader(struct archive **a)
{
  sp_libarchive.archive_read_free(*a);
}

static int refuse_tar(struct archive *a, const char *why, struct sp_err *err)
{
  char said[200];
  const char *text = sp_libarchive.archive_error_string(a);
  sp_text_escape(said, sizeof said, sp_span_str(text ? text : _("no reason given")));
  return sp_fail(err, sp_libarchive.archive_errno(a) == ENOMEM ? SP_E_NOMEM : SP_E_INVALID,
                 "%s: %s", why, said);
}

static int open_reader(struct feed *feed, struct archive **out, struct sp_err *err)
{
  struct archive *a = sp_libarchive.archive_read_new();
  *out = a;
  if (!a)
    return sp_fail(err, SP_E_NOMEM, "out of memory to read an archive");
  if (sp_libarchive.archive_read_support_format_tar(a) != ARCHIVE_OK)
    return refuse_tar(a, _("cannot read tar archives"), err);
  sp_libarchive.archive_read_set_read_callback(a, feed_read);
  sp_libarchive.archive_read_set_skip_callback(a, feed_skip);
  sp_libarchive.archive_read_set_callback_data(a, feed);
  if (sp_libarchive.archive_read_open1(a) != ARCHIVE_OK)
    return refuse_tar(a, _("it is no tar archive"), err);
  return 0;
}

/* -- members */

static int refuse_member(const char *name, const char *why, struct sp_err *err)
{
  char shown[200];
  sp_text_escape(shown, sizeof shown, sp_span_str(name));
  return sp_fail(err, SP_E_INVALID, "its member '%s' %s", shown, why);
}

static int add(struct sp_tar_index *index, struct sp_tar_member *member, struct sp_err *err)
{
  if (index->count >= SP_MAX_ARCHIVE_MEMBERS)
    return sp_fail(err, SP_E_LIMIT, "it has more than %d members", SP_MAX_ARCHIVE_MEMBERS);
  if (index->count == index->cap) {
    size_t cap = index->cap ? 2 * index->cap : 64;
    struct sp_tar_member *members = reallocarray(index->members, cap, sizeof *members);
    if (!members)
      return sp_fail(err, SP_E_NOMEM, "out of memory for the members of an archive");
    index->members = members;
    index->cap = cap;
  }
  index->members[index->count++] = *member;
  member->name = member->link = NULL; /* the index's now */
  return 0;
}

static void clear_member(struct sp_tar_member *member)
{
  free(member->name);
  free(member->link);
}

/* Where the bytes of the member end, with what fills its last block. */
static bool end_of(const struct sp_tar_member *member, uint64_t *end)
{
  uint64_t padded;
  if (!sp_add_u64(member->size_bytes, BLOCK - 1, &padded))
    return false;
  return sp_add_u64(member->begin, padded / BLOCK * BLOCK, end);
}

static int set_place(struct archive *a, struct archive_entry *entry, uint64_t file_bytes,
                     struct sp_tar_member *member, struct sp_err *err)
{
  int64_t size = sp_libarchive.archive_entry_size(entry);
  uint64_t end;
  if (!sp_libarchive.archive_entry_size_is_set(entry) || size < 0)
    return refuse_member(member->name, _("has no size, or a negative one"), err);
  if (sp_libarchive.archive_entry_sparse_count(entry) > 0)
    return refuse_member(member->name, _("is a sparse file"), err);
  member->begin = (uint64_t)sp_libarchive.archive_filter_bytes(a, 0);
  member->size_bytes = (uint64_t)size;
  if (!sp_add_u64(member->begin, member->size_bytes, &end) || end > file_bytes)
    return refuse_member(member->name, _("is longer than the archive: it was cut off, or lies"),
                         err);
  return 0;
}

/* A link carries no bytes. */
static int set_link(struct archive_entry *entry, struct sp_tar_member *member, struct sp_err *err)
{
  const char *hard = sp_libarchive.archive_entry_hardlink(entry);
  const char *soft = sp_libarchive.archive_entry_symlink(entry);
  if (sp_libarchive.archive_entry_size_is_set(entry) && sp_libarchive.archive_entry_size(entry) > 0)
    return refuse_member(member->name, _("is a link with bytes of its own"), err);
  if (hard ? sp_tar_path_name(sp_span_str(hard), &member->link, err) < 0
           : sp_tar_path_link(member->name, sp_span_str(soft), &member->link, err) < 0)
    return sp_err_context(err, "link '%s'", member->name);
  return 0;
}

/* Adds the entry under the header that was just read; *end is where the next must stand. */
static int take_entry(struct sp_tar_index *index, struct archive *a, struct archive_entry *entry,
                      uint64_t file_bytes, uint64_t *end, struct sp_err *err)
{
  SP_CLEANUP(clear_member) struct sp_tar_member member = {0};
  const char *name = sp_libarchive.archive_entry_pathname(entry);
  if (!name)
    return sp_fail(err, SP_E_INVALID, "a member's name cannot be read");
  if (sp_tar_path_name(sp_span_str(name), &member.name, err) < 0)
    return -1;
  mode_t type = sp_libarchive.archive_entry_filetype(entry);
  bool is_link = sp_libarchive.archive_entry_hardlink(entry) || type == AE_IFLNK;
  member.begin = (uint64_t)sp_libarchive.archive_filter_bytes(a, 0);
  if (is_link && set_link(entry, &member, err) < 0)
    return -1;
  if (!is_link && type != AE_IFREG && type != AE_IFDIR)
    return refuse_member(member.name, _("is a device, FIFO or socket"), err);
  if (!is_link && type == AE_IFREG && set_place(a, entry, file_bytes, &member, err) < 0)
    return -1;
  if (!end_of(&member, end))
    return refuse_member(member.name, _("has a size that no archive can have"), err);
  if (type == AE_IFDIR && !is_link)
    return 0;
  if (member.name[0] == '\0')
    return sp_fail(err, SP_E_INVALID, "a member has no name");
  return add(index, &member, err);
}

static int read_all(struct sp_tar_index *index, struct archive *a, uint64_t file_bytes,
                    const struct sp_cancel *cancel, struct sp_err *err)
{
  uint64_t end = 0;
  for (bool is_first = true;; is_first = false) {
    struct archive_entry *entry;
    if (sp_cancel_check(cancel, err) < 0)
      return -1;
    int result = sp_libarchive.archive_read_next_header(a, &entry);
    if (result == ARCHIVE_EOF)
      return 0;
    if (result != ARCHIVE_OK)
      return refuse_tar(a, is_first ? _("it is no tar archive") : _("it is damaged"), err);
    if (!is_first && (uint64_t)sp_libarchive.archive_read_header_position(a) != end)
      return sp_fail(err, SP_E_INVALID,
                     "a member takes other room than its size says, before byte %llu",
                     (unsigned long long)sp_libarchive.archive_read_header_position(a));
    if (take_entry(index, a, entry, file_bytes, &end, err) < 0)
      return -1;
  }
}

static int compare(const void *a, const void *b)
{
  return strcmp(((const struct sp_tar_member *)a)->name, ((const struct sp_tar_member *)b)->name);
}

static int sort(struct sp_tar_index *index, struct sp_err *err)
{
  if (index->count > 0)
    qsort(index->members, index->count, sizeof *index->members, compare);
  for (size_t i = 1; i < index->count; i++) {
    if (strcmp(index->members[i - 1].name, index->members[i].name) == 0)
      return refuse_member(index->members[i].name, _("is there twice"), err);
  }
  return 0;
}

/* What it is instead of a tar, where that has a name and an answer. */
static int refuse_packed(int fd, struct sp_err *err)
{
  static const struct {
    struct sp_span magic;
    const char *name, *how;
  } rows[] = {{SP_SPAN_LIT("\xfd"
                           "7zXZ"),
               "xz", "xz -d"},
              {SP_SPAN_LIT("BZh"), "bzip2", "bzip2 -d"},
              {SP_SPAN_LIT("LZIP"), "lzip", "lzip -d"},
              {SP_SPAN_LIT("PK\x03\x04"), "zip", "unzip"}};
  char first[8];
  ssize_t n = pread(fd, first, sizeof first, 0);
  for (size_t i = 0; n > 0 && i < sizeof rows / sizeof rows[0]; i++) {
    struct sp_span magic = rows[i].magic;
    if ((size_t)n >= magic.len && memcmp(first, magic.ptr, magic.len) == 0)
      return sp_fail(err, SP_E_INVALID,
                     "it is compressed with %s, which is not read (gzip and zstd are): unpack it "
                     "first with '%s'",
                     rows[i].name, rows[i].how);
  }
  return 0;
}

int sp_tar_index_read(struct sp_tar_index *index, int fd, const struct sp_cancel *cancel,
                      struct sp_err *err)
{
  *index = (struct sp_tar_index){0};
  if (refuse_packed(fd, err) < 0 || sp_libarchive_load(err) < 0)
    return -1;
  SP_AUTO_FREE struct feed *feed = malloc(sizeof *feed);
  SP_CLEANUP(free_reader) struct archive *a = NULL;
  struct stat facts;
  if (!feed)
    return sp_fail(err, SP_E_NOMEM, "out of memory to read an archive");
  if (fstat(fd, &facts) < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "it cannot be looked at");
  feed->fd = fd;
  feed->at = 0;
  feed->failed = 0;
  feed->size_bytes = (uint64_t)facts.st_size;
  int failed =
      open_reader(feed, &a, err) < 0 || read_all(index, a, feed->size_bytes, cancel, err) < 0;
  if (feed->failed) { /* whatever was made of it */
    sp_err_clear(err);
    return sp_fail_sys(err, SP_E_IO, feed->failed, "it cannot be read");
  }
  return failed ? -1 : sort(index, err);
}

void sp_tar_index_clear(struct sp_tar_index *index)
{
  for (size_t i = 0; i < index->count; i++)
    clear_member(&index->members[i]);
  free(index->members);
  *index = (struct sp_tar_index){0};
}

/* -- finding */

static const struct sp_tar_member *lookup(const struct sp_tar_index *index, const char *name)
{
  const struct sp_tar_member key = {.name = (char *)(uintptr_t)name};
  if (index->count == 0)
    return NULL;
  return bsearch(&key, index->members, index->count, sizeof *index->members, compare);
}

const struct sp_tar_member *sp_tar_index_lookup(const struct sp_tar_index *index, const char *name)
{
  const struct sp_tar_member *member = lookup(index, name);
  for (int i = 0; member && member->link && i < LINKS_MAX; i++)
    member = lookup(index, member->link);
  return member && !member->link ? member : NULL;
}

int sp_tar_index_find(const struct sp_tar_index *index, struct sp_span name,
                      const struct sp_tar_member **out, struct sp_err *err)
{
  SP_AUTO_FREE char *plain = NULL;
  if (sp_tar_path_name(name, &plain, err) < 0)
    return -1;
  *out = sp_tar_index_lookup(index, plain);
  if (*out)
    return 0;
  if (lookup(index, plain))
    return refuse_member(plain, _("is a link that leads to no file in the archive"), err);
  char shown[200];
  sp_text_escape(shown, sizeof shown, sp_span_str(plain));
  return sp_fail(err, SP_E_NOT_FOUND, "it has no member '%s'", shown);
}
