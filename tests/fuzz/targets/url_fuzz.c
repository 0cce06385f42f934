/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted has one form that means the same again; a resolved reference stays in its origin
 * unless it names another. */
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(const struct sp_url *url)
{
  if (url->target[0] != '/' || !url->origin.host[0] || url->origin.port == 0)
    abort();
  if (strpbrk(url->origin.host, "@/\\%?# ") || strchr(url->target, '#'))
    abort();
  for (const char *c = url->target; *c; c++)
    if (*c <= ' ' || *c >= 0x7F)
      abort();
}

static void check_form(const struct sp_url *url)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_url again = {0};
  char shown[SP_URL_TEXT_MAX];
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&text, 2 * SP_MAX_URL_BYTES);
  check_plain(url);
  sp_url_format_public(url, shown);
  if (strchr(shown, '?') || sp_url_format(url, &text, &err) != 0)
    abort();
  if (sp_url_parse(sp_buf_span(&text), &again, &err) != 0) {
    if (text.len <= SP_MAX_URL_BYTES)
      abort();
    return;
  }
  if (!sp_origin_eq(&url->origin, &again.origin) || strcmp(url->target, again.target) != 0)
    abort();
  sp_url_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_span text = SP_SPAN((const char *)data, size);
  struct sp_url url = {0};
  static char target[] = "/v2/a/b?c=d";
  struct sp_url base = {.origin = {.https = true, .host = "registry.test", .port = 443},
                        .target = target};
  if (sp_url_parse(text, &url, &err) == 0) {
    check_form(&url);
    sp_url_clear(&url);
  }
  if (sp_url_resolve(&base, text, &url, &err) == 0) {
    check_form(&url);
    bool names_other = memmem(data, size, "//", 2) != NULL;
    if (!names_other && !sp_origin_eq(&url.origin, &base.origin))
      abort();
    sp_url_clear(&url);
  }
  return 0;
}
