/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables by digest (blobs, manifests), and the tags in order of their names. One lock over all
 * of it. Stored bytes never change (store/memory_blob.h): damage replaces them. */
#include "store/memory.h"

#include <assert.h>
#include <pthread.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "store/memory_blob.h"

#define TAGS_PER_PAGE 100

struct entry {
  struct sp_digest digest;
  struct sp_held *content; /* NULL: wiped, and still claimed */
  uint64_t claimed_bytes;
  /* manifests only */
  char media_type[SP_MAX_MEDIA_TYPE + 1];
  bool has_subject;
  struct sp_digest subject;
  struct sp_desc desc; /* as a referrer */
  json_t *raw;         /* the same with annotations; NULL without a subject */
  bool is_lost;        /* there was no memory to add it */
  UT_hash_handle hh;
};

struct tag {
  char name[SP_MAX_TAG + 1];
  struct sp_digest digest;
};

struct memory {
  struct sp_store store; /* first */
  char *name;
  char *group;
  bool native_referrers;
  pthread_mutex_t lock;
  struct entry *blobs;
  struct entry *manifests;
  struct tag *tags; /* by name */
  size_t tag_count;
};

static struct memory *memory_of(struct sp_store *store)
{
  return (struct memory *)store;
}

/* -- the tables (with the lock held) */

static struct entry *find(struct entry *table, const struct sp_digest *digest)
{
  struct entry *found = NULL;
  HASH_FIND(hh, table, digest, sizeof *digest, found);
  return found;
}

/* Finds or adds. NULL: out of memory. */
static struct entry *claim(struct entry **table, const struct sp_digest *digest)
{
  struct entry *entry = find(*table, digest);
  if (entry)
    return entry;
  entry = calloc(1, sizeof *entry);
  if (!entry)
    return NULL;
  entry->digest = *digest;
  HASH_ADD(hh, *table, digest, sizeof entry->digest, entry);
  if (!entry->is_lost)
    return entry;
  free(entry);
  return NULL;
}

/* Puts content (a hold of its own is taken) in the place of what was there, damaged or not. */
static int put_entry(struct entry **table, const struct sp_digest *digest, struct sp_held *content,
                     struct entry **out, struct sp_err *err)
{
  struct entry *entry = claim(table, digest);
  if (!entry)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  sp_held_drop(entry->content);
  entry->content = sp_held_keep(content);
  entry->claimed_bytes = content->len;
  *out = entry;
  return 0;
}

static void free_table(struct entry **table)
{
  struct entry *entry;
  struct entry *next;
  HASH_ITER(hh, *table, entry, next)
  {
    HASH_DEL(*table, entry);
    sp_held_drop(entry->content);
    json_decref(entry->raw);
    free(entry);
  }
}

/* The place of a tag, or where it would be. */
static size_t tag_place(const struct memory *memory, const char *name, bool *found)
{
  size_t low = 0;
  size_t high = memory->tag_count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (strcmp(memory->tags[mid].name, name) < 0)
      low = mid + 1;
    else
      high = mid;
  }
  *found = low < memory->tag_count && strcmp(memory->tags[low].name, name) == 0;
  return low;
}

static int set_tag(struct memory *memory, const char *name, const struct sp_digest *digest,
                   struct sp_err *err)
{
  bool found;
  struct tag tag = {.digest = *digest};
  if (sp_text_copy(tag.name, sizeof tag.name, sp_span_str(name), err) < 0)
    return -1;
  size_t place = tag_place(memory, name, &found);
  if (!found) {
    struct tag *tags = reallocarray(memory->tags, memory->tag_count + 1, sizeof *tags);
    if (!tags)
      return sp_fail(err, SP_E_NOMEM, "out of memory");
    memory->tags = tags;
    memmove(&tags[place + 1], &tags[place], (memory->tag_count - place) * sizeof *tags);
    memory->tag_count++;
  }
  memory->tags[place] = tag;
  return 0;
}

/* -- manifests and tags */

static int not_found(struct sp_err *err)
{
  return sp_fail(err, SP_E_NOT_FOUND, "it is not there");
}

static int stat_locked(const struct memory *memory, const struct sp_digest *digest,
                       struct sp_named *out, struct sp_err *err)
{
  const struct entry *entry = find(memory->manifests, digest);
  if (!entry)
    return not_found(err);
  out->digest = *digest;
  out->size_bytes = entry->claimed_bytes;
  return sp_text_copy(out->media_type, sizeof out->media_type, sp_span_str(entry->media_type), err);
}

static int memory_stat_manifest(struct sp_store *store, const struct sp_digest *digest,
                                struct sp_named *out, struct sp_err *err)
{
  struct memory *memory = memory_of(store);
  SP_LOCK_SCOPE(&memory->lock);
  return stat_locked(memory, digest, out, err);
}

static int memory_resolve(struct sp_store *store, const char *tag, struct sp_named *out,
                          struct sp_err *err)
{
  struct memory *memory = memory_of(store);
  SP_LOCK_SCOPE(&memory->lock);
  bool found;
  size_t place = tag_place(memory, tag, &found);
  return found ? stat_locked(memory, &memory->tags[place].digest, out, err) : not_found(err);
}

static int memory_get_manifest(struct sp_store *store, const struct sp_digest *digest,
                               struct sp_manifest_bytes *out, struct sp_err *err)
{
  struct memory *memory = memory_of(store);
  SP_LOCK_SCOPE(&memory->lock);
  const struct entry *entry = find(memory->manifests, digest);
  if (!entry || !entry->content)
    return not_found(err);
  if (sp_text_copy(out->media_type, sizeof out->media_type, sp_span_str(entry->media_type), err) <
      0)
    return -1;
  return sp_buf_append(&out->bytes, entry->content->bytes, entry->content->len, err);
}

/* One of the things that a manifest names. */
static int check_named(struct entry *table, const struct sp_desc *desc, struct sp_err *err)
{
  if (find(table, &desc->digest))
    return 0;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(&desc->digest, text);
  return sp_fail(err, SP_E_BLOB_UNKNOWN, "it names %s, which is not there", text);
}

static int check_complete(const struct memory *memory, const struct sp_manifest *manifest,
                          struct sp_err *err)
{
  for (size_t i = 0; i < manifest->child_count; i++)
    if (check_named(memory->manifests, &manifest->children[i], err) < 0)
      return -1;
  for (size_t i = 0; i < manifest->blob_count; i++) {
    const struct sp_desc *blob = &manifest->blobs[i];
    bool foreign = blob->has_urls || sp_media_is_nondistributable(sp_span_str(blob->media_type));
    if (!foreign && check_named(memory->blobs, blob, err) < 0)
      return -1;
  }
  return 0;
}

/* distribution-spec 1.1 "Listing Referrers": without an artifactType an image's is its config's
 * type; annotations are those of the manifest. */
static int describe_referrer(const struct sp_manifest_bytes *bytes,
                             const struct sp_manifest *manifest, struct sp_desc *desc, json_t **raw,
                             struct sp_err *err)
{
  *desc = (struct sp_desc){.digest = bytes->digest, .size_bytes = bytes->bytes.len};
  const char *type = manifest->artifact_type;
  if (type[0] == '\0' && manifest->blob_count > 0)
    type = manifest->blobs[0].media_type;
  SP_AUTO_JSON json_t *doc = NULL;
  SP_AUTO_JSON json_t *out = NULL;
  if (sp_text_copy(desc->media_type, sizeof desc->media_type, sp_span_str(manifest->media_type),
                   err) < 0 ||
      sp_text_copy(desc->artifact_type, sizeof desc->artifact_type, sp_span_str(type), err) < 0 ||
      sp_json_parse(sp_buf_span(&bytes->bytes), &doc, err) < 0 ||
      sp_desc_to_json(desc, &out, err) < 0)
    return -1;
  json_t *annotations = json_object_get(doc, "annotations");
  if (annotations && json_object_set(out, "annotations", annotations) < 0)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  *raw = sp_steal(&out);
  return 0;
}

static int keep_manifest(struct memory *memory, const struct sp_manifest_bytes *bytes,
                         const struct sp_manifest *manifest, struct sp_err *err)
{
  SP_AUTO_HELD struct sp_held *content = NULL;
  SP_AUTO_JSON json_t *raw = NULL;
  struct sp_desc desc;
  struct entry *entry;
  if (describe_referrer(bytes, manifest, &desc, &raw, err) < 0 ||
      sp_held_new(bytes->bytes.len, &content, err) < 0)
    return -1;
  memcpy(content->bytes, bytes->bytes.data, content->len);
  if (put_entry(&memory->manifests, &bytes->digest, content, &entry, err) < 0)
    return -1;
  entry->desc = desc;
  json_decref(entry->raw);
  entry->raw = sp_steal(&raw);
  entry->has_subject = manifest->has_subject;
  entry->subject = manifest->subject.digest;
  return sp_text_copy(entry->media_type, sizeof entry->media_type,
                      sp_span_str(manifest->media_type), err);
}

static int memory_put_manifest(struct sp_store *store, const struct sp_manifest_bytes *bytes,
                               bool *subject_handled, struct sp_err *err)
{
  struct memory *memory = memory_of(store);
  SP_AUTO_MANIFEST struct sp_manifest manifest = {0};
  if (sp_manifest_parse(sp_buf_span(&bytes->bytes), sp_span_str(bytes->media_type), &manifest,
                        err) < 0)
    return -1;
  SP_LOCK_SCOPE(&memory->lock);
  if (check_complete(memory, &manifest, err) < 0 ||
      keep_manifest(memory, bytes, &manifest, err) < 0)
    return -1;
  *subject_handled = !manifest.has_subject || memory->native_referrers;
  return 0;
}

static int memory_set_tags(struct sp_store *store, const char *const *tags, size_t n,
                           const struct sp_manifest_bytes *manifest, size_t *done,
                           struct sp_err *err)
{
  struct memory *memory = memory_of(store);
  SP_LOCK_SCOPE(&memory->lock);
  if (!find(memory->manifests, &manifest->digest))
    return sp_fail(err, SP_E_NOT_FOUND, "the manifest that it is to name is not there");
  for (; *done < n; (*done)++)
    if (set_tag(memory, tags[*done], &manifest->digest, err) < 0)
      return -1;
  return 0;
}

static int memory_list_tags(struct sp_store *store, const char *cursor, struct sp_tag_page *out,
                            struct sp_err *err)
{
  struct memory *memory = memory_of(store);
  SP_LOCK_SCOPE(&memory->lock);
  if (!memory->manifests)
    return sp_fail(err, SP_E_NOT_FOUND, "nothing was ever stored there");
  bool found = false;
  size_t begin = cursor ? tag_place(memory, cursor, &found) : 0;
  begin += found; /* the cursor is the last tag of the page before */
  size_t end =
      memory->tag_count - begin > TAGS_PER_PAGE ? begin + TAGS_PER_PAGE : memory->tag_count;
  for (size_t i = begin; i < end; i++)
    if (sp_tag_page_add(out, sp_span_str(memory->tags[i].name), err) < 0)
      return -1;
  return end < memory->tag_count ? sp_text_dup(&out->next, memory->tags[end - 1].name, err) : 0;
}

static int memory_list_referrers(struct sp_store *store, const struct sp_digest *digest,
                                 struct sp_referrers *out, struct sp_err *err)
{
  struct memory *memory = memory_of(store);
  SP_LOCK_SCOPE(&memory->lock);
  if (!memory->native_referrers)
    return sp_fail(err, SP_E_UNSUPPORTED, "it has no referrers API");
  struct entry *entry;
  struct entry *next;
  HASH_ITER(hh, memory->manifests, entry, next)
  {
    bool is_one = entry->has_subject && sp_digest_eq(&entry->subject, digest);
    if (is_one && sp_referrers_add(out, &entry->desc, entry->raw, err) < 0)
      return -1;
  }
  return 0;
}

/* -- blobs */

static int memory_check_blob(struct sp_store *store, const struct sp_digest *digest,
                             uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                             struct sp_err *err)
{
  (void)err;
  struct memory *memory = memory_of(store);
  SP_LOCK_SCOPE(&memory->lock);
  const struct entry *entry = find(memory->blobs, digest);
  out->state = SP_BLOB_ABSENT;
  if (!entry)
    return 0;
  bool whole = entry->content && entry->content->len == entry->claimed_bytes;
  bool wrong = entry->claimed_bytes != size_bytes || (want >= SP_PROOF_TOUCHED && !whole);
  out->state = wrong ? SP_BLOB_DAMAGED : SP_BLOB_PRESENT;
  out->proof = wrong ? SP_PROOF_NONE : want;
  out->size_bytes = entry->claimed_bytes;
  return 0;
}

static bool memory_is_sibling(const struct sp_store *store, const struct sp_store *other)
{
  if (store == other || other->ops != store->ops)
    return false;
  const char *ours = ((const struct memory *)store)->group;
  const char *theirs = ((const struct memory *)other)->group;
  return ours && theirs && strcmp(ours, theirs) == 0;
}

/* Like a registry: whether the source still has the bytes is not looked at, only whether it says
 * so; without them there is nothing to mount. */
static int memory_mount_blob(struct sp_store *store, const struct sp_digest *digest,
                             uint64_t size_bytes, struct sp_store *from, bool *mounted,
                             struct sp_err *err)
{
  struct memory *source = memory_of(from);
  struct memory *memory = memory_of(store);
  SP_AUTO_HELD struct sp_held *content = NULL;
  {
    SP_LOCK_SCOPE(&source->lock);
    const struct entry *entry = find(source->blobs, digest);
    if (entry && entry->claimed_bytes == size_bytes)
      content = sp_held_keep(entry->content);
  }
  if (!content)
    return 0;
  struct entry *entry;
  SP_LOCK_SCOPE(&memory->lock);
  if (put_entry(&memory->blobs, digest, content, &entry, err) < 0)
    return -1;
  entry->claimed_bytes = size_bytes;
  *mounted = true;
  return 0;
}

/* What can be read of a blob (a holder more), NULL on failure. A cut one is served up to where it
 * was cut, as a registry does that believes its cache. */
static struct sp_held *hold_blob(struct memory *memory, const struct sp_digest *digest,
                                 uint64_t size_bytes, struct sp_err *err)
{
  SP_LOCK_SCOPE(&memory->lock);
  const struct entry *entry = find(memory->blobs, digest);
  if (!entry || !entry->content) {
    not_found(err);
    return NULL;
  }
  if (entry->claimed_bytes == size_bytes)
    return sp_held_keep(entry->content);
  sp_fail(err, SP_E_DIGEST, "it has %llu bytes there instead of %llu",
          (unsigned long long)entry->claimed_bytes, (unsigned long long)size_bytes);
  return NULL;
}

static int memory_open_read(struct sp_store *store, const struct sp_digest *digest,
                            uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                            struct sp_err *err)
{
  SP_AUTO_HELD struct sp_held *content = hold_blob(memory_of(store), digest, size_bytes, err);
  if (!content)
    return -1;
  if (offset > content->len || (offset == content->len && offset < size_bytes))
    return sp_fail(err, SP_E_DIGEST, "it ends at %zu of %llu bytes", content->len,
                   (unsigned long long)size_bytes);
  return sp_held_read(content, (size_t)offset, out, err);
}

static int take_blob(void *ctx, const struct sp_digest *digest, struct sp_held *content,
                     struct sp_err *err)
{
  struct memory *memory = ctx;
  struct entry *entry;
  SP_LOCK_SCOPE(&memory->lock);
  return put_entry(&memory->blobs, digest, content, &entry, err);
}

static int memory_begin_write(struct sp_store *store, const struct sp_digest *digest,
                              uint64_t size_bytes, struct sp_writer **out, struct sp_err *err)
{
  return sp_held_write(digest, size_bytes, take_blob, store, out, err);
}

/* -- the store */

static void memory_close(struct sp_store *store)
{
  struct memory *memory = memory_of(store);
  free_table(&memory->blobs);
  free_table(&memory->manifests);
  free(memory->tags);
  free(memory->group);
  free(memory->name);
  pthread_mutex_destroy(&memory->lock);
  free(memory);
}

static const struct sp_store_ops memory_ops = {
    .resolve = memory_resolve,
    .stat_manifest = memory_stat_manifest,
    .get_manifest = memory_get_manifest,
    .put_manifest = memory_put_manifest,
    .set_tags = memory_set_tags,
    .list_tags = memory_list_tags,
    .list_referrers = memory_list_referrers,
    .check_blob = memory_check_blob,
    .mount_blob = memory_mount_blob,
    .open_read = memory_open_read,
    .begin_write = memory_begin_write,
    .is_sibling = memory_is_sibling,
    .close = memory_close,
};

int sp_memory_new(const char *name, struct sp_store **out, struct sp_err *err)
{
  SP_AUTO_FREE char *copy = NULL;
  if (sp_text_dup(&copy, name, err) < 0)
    return -1;
  struct memory *memory = calloc(1, sizeof *memory);
  if (!memory)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  pthread_mutex_init(&memory->lock, NULL);
  memory->native_referrers = true;
  memory->name = sp_steal(&copy);
  memory->store = (struct sp_store){.ops = &memory_ops, .name = memory->name, .is_local = true};
  *out = &memory->store;
  return 0;
}

/* -- for tests */

static struct memory *checked(struct sp_store *store)
{
  assert(store->ops == &memory_ops); /* not a wrapper around one */
  return memory_of(store);
}

void sp_memory_set_native_referrers(struct sp_store *store, bool native)
{
  checked(store)->native_referrers = native;
}

void sp_memory_set_group(struct sp_store *store, const char *group)
{
  struct memory *memory = checked(store);
  free(memory->group);
  memory->group = strdup(group);
}

static struct entry *find_any(const struct memory *memory, const struct sp_digest *digest)
{
  struct entry *blob = find(memory->blobs, digest);
  return blob ? blob : find(memory->manifests, digest);
}

/* Replaces the bytes by a copy of the first `keep`, with one flipped if it is among them. */
static bool damage(struct sp_store *store, const struct sp_digest *digest, uint64_t keep,
                   uint64_t flip_at)
{
  struct memory *memory = checked(store);
  SP_LOCK_SCOPE(&memory->lock);
  struct entry *entry = find_any(memory, digest);
  if (!entry || !entry->content)
    return false;
  size_t len = entry->content->len < keep ? entry->content->len : (size_t)keep;
  struct sp_held *content = NULL;
  struct sp_err err = SP_ERR_INIT;
  if (sp_held_new(len, &content, &err) < 0)
    return false;
  memcpy(content->bytes, entry->content->bytes, len);
  if (flip_at < len)
    content->bytes[flip_at] ^= 1;
  sp_held_drop(entry->content);
  entry->content = content;
  return true;
}

bool sp_memory_wipe(struct sp_store *store, const struct sp_digest *digest)
{
  struct memory *memory = checked(store);
  SP_LOCK_SCOPE(&memory->lock);
  struct entry *entry = find_any(memory, digest);
  if (!entry)
    return false;
  sp_held_drop(entry->content);
  entry->content = NULL;
  return true;
}

bool sp_memory_truncate(struct sp_store *store, const struct sp_digest *digest, uint64_t keep)
{
  return damage(store, digest, keep, UINT64_MAX);
}

bool sp_memory_flip(struct sp_store *store, const struct sp_digest *digest, uint64_t at)
{
  return damage(store, digest, UINT64_MAX, at);
}

int sp_memory_add_blob(struct sp_store *store, struct sp_span bytes, struct sp_digest *out,
                       struct sp_err *err)
{
  struct memory *memory = checked(store);
  SP_AUTO_HELD struct sp_held *content = NULL;
  struct sp_digest digest;
  struct entry *entry;
  if (sp_digest_of(SP_DIGEST_SHA256, bytes.ptr, bytes.len, &digest, err) < 0 ||
      sp_held_new(bytes.len, &content, err) < 0)
    return -1;
  if (bytes.len > 0)
    memcpy(content->bytes, bytes.ptr, bytes.len);
  SP_LOCK_SCOPE(&memory->lock);
  if (put_entry(&memory->blobs, &digest, content, &entry, err) < 0)
    return -1;
  *out = digest;
  return 0;
}
