/* SPDX-License-Identifier: Apache-2.0 */
/* A wrapper of the archive that is put together; only what concerns tags differs. */
#include "engine/destination.h"

#include "oci/manifest.h"
#include "store/wrapper.h"

struct destination {
  struct sp_wrapper wrapper; /* first */
  struct sp_store_ops ops;   /* the wrapper's, with set_tags of our own */
  struct sp_engine *engine;
  struct sp_ref ref;
};

static int open_output(void *ctx, struct sp_output **out, struct sp_err *err)
{
  return sp_engine_load(ctx, out, err);
}

/* The digest of the image's config. An index has none: what an engine made of one is the image of
 * some platform, and no proof that all of it is there. */
static int find_config(const struct sp_manifest_bytes *bytes, struct sp_digest *config,
                       struct sp_err *err)
{
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  if (sp_manifest_parse(sp_buf_span(&bytes->bytes), sp_span_str(bytes->media_type), &manifest,
                        err) < 0)
    return -1;
  if (manifest.is_index)
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "an engine keeps the image of one platform, and this is an index: give it to "
                   "the engine in a run of its own, or choose one for all with --platform");
  *config = manifest.blobs[0].digest;
  return 0;
}

/* An engine's ID of the image is its config's digest, or, in containerd's store, the manifest's. */
static int check_tag(struct destination *to, const char *tag,
                     const struct sp_manifest_bytes *manifest, const struct sp_digest *config,
                     struct sp_err *err)
{
  struct sp_engine_image image;
  struct sp_ref ref = to->ref;
  snprintf(ref.tag, sizeof ref.tag, "%s", tag);
  if (sp_engine_find_image(to->engine, &ref, &image, err) < 0)
    return sp_err_context(err, "the engine took the image and does not have it");
  if (sp_digest_eq(&image.id, config) || sp_digest_eq(&image.id, &manifest->digest))
    return 0;
  return sp_fail(err, SP_E_INVALID,
                 "the engine has another image under the tag '%s' than it was given", tag);
}

/* Does any of them name an image, and not a signature or a referrer? Those go along, and the engine
 * drops them. */
static bool has_image_tag(const char *const *tags, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (!sp_ref_is_digest_tag(sp_span_str(tags[i])))
      return true;
  }
  return false;
}

static int set_tags(struct sp_store *store, const char *const *tags, size_t n,
                    const struct sp_manifest_bytes *manifest, size_t *done, struct sp_err *err)
{
  struct destination *to = (struct destination *)store;
  struct sp_digest config;
  size_t set = 0;
  bool is_image = has_image_tag(tags, n);
  if (is_image && find_config(manifest, &config, err) < 0)
    return -1;
  if (store->inner->ops->set_tags(store->inner, tags, n, manifest, &set, err) < 0)
    return -1;
  for (; *done < n; (*done)++) {
    if (!sp_ref_is_digest_tag(sp_span_str(tags[*done])) &&
        check_tag(to, tags[*done], manifest, &config, err) < 0)
      return -1;
  }
  return 0;
}

/* The archive believes that its tags are set when it was written; the engine knows. */
static int resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                   struct sp_err *err)
{
  struct destination *to = (struct destination *)store;
  SP_AUTO_MANIFEST_BYTES struct sp_manifest_bytes manifest;
  struct sp_err why = SP_ERR_INIT;
  struct sp_digest config;
  sp_manifest_bytes_init(&manifest);
  if (store->inner->ops->resolve(store->inner, tag, out, err) < 0 ||
      store->inner->ops->get_manifest(store->inner, &out->digest, &manifest, err) < 0 ||
      find_config(&manifest, &config, err) < 0)
    return -1;
  if (check_tag(to, tag, &manifest, &config, &why) == 0)
    return 0;
  if (why.code == SP_E_INVALID)
    return sp_fail(err, SP_E_NOT_FOUND, "%s", why.msg);
  sp_err_copy(err, &why);
  return -1;
}

static int around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  (void)wrapper;
  return sp_call_run(call, err);
}

static void destination_free(struct sp_wrapper *wrapper)
{
  struct destination *to = (struct destination *)wrapper;
  sp_engine_close(to->engine);
  free(to);
}

static const struct sp_wrapper_ops wrapper_ops = {.around = around, .free = destination_free};

int sp_engine_destination_open_take(struct sp_engine *engine,
                                    const struct sp_archive_settings *archive,
                                    const struct sp_platform *platform, struct sp_store **out,
                                    struct sp_err *err)
{
  struct destination *to = calloc(1, sizeof *to);
  struct sp_store *inner;
  if (!to) {
    sp_engine_close(engine);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  to->engine = engine;
  to->ref = archive->ref;
  if (sp_archive_create(archive, open_output, engine, &inner, err) < 0) {
    destination_free(&to->wrapper);
    return -1;
  }
  sp_wrapper_init(&to->wrapper, &wrapper_ops, inner);
  to->ops = *to->wrapper.store.ops;
  to->ops.set_tags = set_tags;
  to->ops.resolve = resolve;
  to->wrapper.store.takes = *platform;
  to->wrapper.store.ops = &to->ops;
  *out = &to->wrapper.store;
  return 0;
}
