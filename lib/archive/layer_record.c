/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum covers the name of the file too, so that a file under another's name is no entry. */
#include "archive/layer_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/state_dir.h"
#include "base/text.h"

#define DIR_NAME "layers"
#define TEXT_MAX 512

static void make_name(const struct sp_digest *diff_id, const char *compressor_id,
                      char out[TEXT_MAX])
{
  char hex[SP_DIGEST_HEX_MAX];
  sp_digest_format_hex(diff_id, hex);
  snprintf(out, TEXT_MAX, "%s.%s", hex, compressor_id);
}

/* "sha256:... SIZE sha256:CHECKSUM\n" */
static int format(const char *name, const struct sp_layer_record *record, char out[TEXT_MAX],
                  struct sp_err *err)
{
  char digest[SP_DIGEST_TEXT_MAX];
  char sum_text[SP_DIGEST_TEXT_MAX];
  char summed[2 * TEXT_MAX];
  struct sp_digest sum;
  sp_digest_format(&record->digest, digest);
  snprintf(summed, sizeof summed, "%s %s %llu", name, digest,
           (unsigned long long)record->size_bytes);
  if (sp_digest_of(SP_DIGEST_SHA256, summed, strlen(summed), &sum, err) < 0)
    return -1;
  sp_digest_format(&sum, sum_text);
  snprintf(out, TEXT_MAX, "%s %llu %s\n", digest, (unsigned long long)record->size_bytes, sum_text);
  return 0;
}

/* Reads what format wrote: it must come out the same when it is written again. */
static bool parse(const char *name, struct sp_span text, struct sp_layer_record *out)
{
  char again[TEXT_MAX];
  struct sp_err err = SP_ERR_INIT;
  const char *blank = text.len ? memchr(text.ptr, ' ', text.len) : NULL;
  if (!blank)
    return false;
  size_t n = (size_t)(blank - text.ptr);
  struct sp_span rest = sp_span_skip(text, n + 1);
  const char *second = rest.len ? memchr(rest.ptr, ' ', rest.len) : NULL;
  return second && sp_digest_parse(SP_SPAN(text.ptr, n), &out->digest, &err) == 0 &&
         sp_text_parse_u64(SP_SPAN(rest.ptr, (size_t)(second - rest.ptr)), &out->size_bytes) == 0 &&
         format(name, out, again, &err) == 0 && sp_span_eq_str(text, again);
}

bool sp_layer_record_get(const struct sp_digest *diff_id, const char *compressor_id,
                         struct sp_layer_record *out)
{
  SP_AUTO_CLOSE int fd = -1;
  SP_AUTO_BUF struct sp_buf text;
  struct sp_err err = SP_ERR_INIT;
  char name[TEXT_MAX];
  make_name(diff_id, compressor_id, name);
  sp_buf_init(&text, TEXT_MAX);
  if (sp_state_dir_open_below(DIR_NAME, &fd, &err) < 0 || sp_file_read(fd, name, &text, &err) < 0 ||
      !parse(name, sp_buf_span(&text), out))
    return false;
  (void)utimensat(fd, name, NULL, AT_SYMLINK_NOFOLLOW); /* what is used is new */
  return true;
}

void sp_layer_record_put(const struct sp_digest *diff_id, const char *compressor_id,
                         const struct sp_layer_record *record)
{
  SP_AUTO_CLOSE int fd = -1;
  struct sp_err err = SP_ERR_INIT;
  char name[TEXT_MAX];
  char text[TEXT_MAX];
  make_name(diff_id, compressor_id, name);
  if (sp_state_dir_open_below(DIR_NAME, &fd, &err) < 0 || format(name, record, text, &err) < 0 ||
      sp_file_replace(fd, name, 0600, sp_span_str(text), &err) < 0)
    sp_log(SP_LOG_WARN, "a compressed layer is not remembered for the next push: %s", err.msg);
  else
    sp_file_keep_newest(fd, SP_MAX_LAYER_RECORDS);
}

void sp_layer_record_drop(const struct sp_digest *diff_id, const char *compressor_id)
{
  SP_AUTO_CLOSE int fd = -1;
  struct sp_err ignored = SP_ERR_INIT;
  char name[TEXT_MAX];
  make_name(diff_id, compressor_id, name);
  if (sp_state_dir_open_below(DIR_NAME, &fd, &ignored) == 0)
    (void)unlinkat(fd, name, 0);
}
