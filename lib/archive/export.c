/* SPDX-License-Identifier: Apache-2.0 */
#include "archive/export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "archive/docker_entry.h"
#include "archive/tar_output.h"
#include "base/file.h"
#include "base/json.h"
#include "layout/beneath.h"

#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define IMAGE_NAME "io.containerd.image.name"

/* -- index.json, with the full names that engines look for */

static int add_full_names(const struct sp_index_view *view, const struct sp_ref *ref,
                          struct sp_err *err)
{
  const json_t *entries = json_object_get(sp_index_view_doc(view), "manifests");
  for (size_t i = 0; ref->repository[0] && i < sp_index_view_count(view); i++) {
    const char *tag = sp_index_view_ref_name(view, i);
    if (!tag || sp_ref_is_digest_tag(sp_span_str(tag)))
      continue;
    json_t *annotations = json_object_get(json_array_get(entries, i), "annotations");
    if (json_object_set_new(annotations, IMAGE_NAME,
                            json_sprintf("%s/%s:%s", ref->host, ref->repository, tag)) < 0)
      return sp_fail(err, SP_E_NOMEM, "out of memory for an index.json");
  }
  return 0;
}

static int load_index(const struct sp_export *job, struct sp_index_view *out, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_INDEX_JSON_BYTES);
  if (sp_file_read(job->dir_fd, SP_INDEX_FILE, &text, err) < 0 ||
      sp_index_view_parse(sp_buf_span(&text), job->layout->name, out, err) < 0)
    return -1;
  return add_full_names(out, job->ref, err);
}

static int add_index(struct sp_tar_output *tar, const struct sp_index_view *view,
                     struct sp_err *err)
{
  SP_AUTO_FREE char *text = sp_json_print(sp_index_view_doc(view), JSON_COMPACT);
  if (!text)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an index.json");
  return sp_tar_output_add(tar, SP_INDEX_FILE, sp_span_str(text), err);
}

/* -- blobs */

static int is_visible(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

struct names {
  struct dirent **items;
  int count;
};

static void clear_names(struct names *names)
{
  for (int i = 0; i < names->count; i++)
    free(names->items[i]);
  free(names->items);
}

static int add_blob(const struct sp_export *job, struct sp_tar_output *tar, const char *alg,
                    const char *hex, struct sp_err *err)
{
  char path[NAME_MAX + 32];
  SP_AUTO_CLOSE int fd = -1;
  uint64_t size_bytes;
  snprintf(path, sizeof path, "blobs/%s/%s", alg, hex);
  if (sp_beneath_open_file(job->dir_fd, path, &fd, &size_bytes, err) < 0)
    return -1;
  return sp_tar_output_add_file(tar, path, fd, size_bytes, err);
}

static int add_blobs(const struct sp_export *job, struct sp_tar_output *tar, const char *alg,
                     struct sp_err *err)
{
  SP_CLEANUP(clear_names) struct names names = {0};
  char path[64];
  snprintf(path, sizeof path, "blobs/%s", alg);
  names.count = scandirat(job->dir_fd, path, &names.items, is_visible, alphasort);
  if (names.count < 0 && errno == ENOENT)
    return names.count = 0;
  if (names.count < 0) {
    int sys = errno;
    names.count = 0;
    return sp_fail_sys(err, SP_E_IO, sys, "cannot list the spool");
  }
  for (int i = 0; i < names.count; i++) {
    if (add_blob(job, tar, alg, names.items[i]->d_name, err) < 0)
      return -1;
  }
  return 0;
}

static int add_manifest_json(const struct sp_export *job, struct sp_tar_output *tar,
                             const struct sp_index_view *view, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, SP_MAX_MANIFEST_BYTES);
  if (job->kind != SP_ARCHIVE_DOCKER)
    return 0;
  if (sp_docker_entry_format(job->layout, view, job->ref, &text, err) < 0)
    return -1;
  return sp_tar_output_add(tar, "manifest.json", sp_buf_span(&text), err);
}

int sp_export_write(const struct sp_export *job, struct sp_output *output, struct sp_err *err)
{
  SP_AUTO_INDEX_VIEW struct sp_index_view view = {0};
  SP_AUTO_TAR_OUTPUT struct sp_tar_output *tar = NULL;
  if (load_index(job, &view, err) < 0 || sp_tar_output_new(output, job->cancel, &tar, err) < 0 ||
      sp_tar_output_add(tar, "oci-layout", SP_SPAN_LIT(LAYOUT_TEXT), err) < 0 ||
      add_index(tar, &view, err) < 0 || add_manifest_json(job, tar, &view, err) < 0 ||
      add_blobs(job, tar, "sha256", err) < 0 || add_blobs(job, tar, "sha512", err) < 0)
    return -1;
  return sp_tar_output_end(tar, err);
}
