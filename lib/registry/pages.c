/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/pages.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "http/link.h"

/* FNV-1a: two pages that collide by chance end a listing with an error, never silently. */
static uint64_t hash(const char *text)
{
  uint64_t h = 0xcbf29ce484222325u;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * 0x100000001b3u;
  return h;
}

void sp_page_begin(const char *target, struct sp_page *out)
{
  *out = (struct sp_page){.power = 1, .seen = hash(target), .target = target};
}

int sp_page_parse(const char *cursor, struct sp_page *out, struct sp_err *err)
{
  int length = 0;
  if (sscanf(cursor, "%" SCNu64 " %" SCNu64 " %" SCNx64 " %n", &out->number, &out->power,
             &out->seen, &length) != 3 ||
      length == 0 || cursor[length] != '/')
    return sp_fail(err, SP_E_INTERNAL, "not the cursor of a listing");
  out->target = cursor + length;
  return 0;
}

static int next_target(const struct sp_origin *origin, const struct sp_http_response *response,
                       struct sp_span link, struct sp_url *out, struct sp_err *err)
{
  if (sp_url_resolve(&response->url, link, out, err) < 0)
    return -1;
  if (sp_origin_eq(&out->origin, origin))
    return 0;
  char text[SP_ORIGIN_TEXT_MAX];
  sp_origin_format(&out->origin, text);
  return sp_fail(err, SP_E_REFUSED, "the next page is on another host, '%s'", text);
}

int sp_page_next(const struct sp_page *page, const struct sp_origin *origin,
                 const struct sp_http_response *response, char **cursor, struct sp_err *err)
{
  *cursor = NULL;
  const char *value = sp_headers_get(&response->headers, "Link");
  struct sp_span link = sp_link_next(sp_span_str(value));
  if (link.len == 0)
    return 0;
  SP_AUTO_URL struct sp_url url = {0};
  if (next_target(origin, response, link, &url, err) < 0)
    return sp_err_context(err, "the listing cannot be followed");
  struct sp_page next = {.number = page->number + 1, .power = page->power, .seen = page->seen};
  uint64_t here = hash(url.target);
  if (here == next.seen || here == hash(page->target))
    return sp_fail(err, SP_E_PROTOCOL, "the listing goes round in a circle after page %" PRIu64,
                   next.number);
  if (next.number >= SP_MAX_TAG_PAGES)
    return sp_fail(err, SP_E_LIMIT, "the listing has more than %d pages", SP_MAX_TAG_PAGES);
  if (next.number == next.power) {
    next.power *= 2;
    next.seen = here;
  }
  return sp_text_format(cursor, err, "%" PRIu64 " %" PRIu64 " %016" PRIx64 " %s", next.number,
                        next.power, next.seen, url.target);
}
