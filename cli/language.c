/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and CI runners seldom have the locale that LANG asks for. gettext needs only the name
 * of the language, so C.UTF-8, which glibc always has, stands in, with LANGUAGE saying which. */
#include "cli/language.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "safeport_version.h"

/* What the environment asks messages to be in: the first that is set. */
static const char *wanted_locale(void)
{
  static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
  for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
    const char *value = getenv(variables[i]);
    if (value && *value)
      return value;
  }
  return NULL;
}

static void stand_in(void)
{
  const char *wanted = wanted_locale();
  if (wanted && !getenv("LANGUAGE"))
    setenv("LANGUAGE", wanted, 1);
  setlocale(LC_MESSAGES, "C.UTF-8");
  setlocale(LC_CTYPE, "C.UTF-8");
}

void language_begin(void)
{
  /* Only what is needed: each category costs files at every start, and numbers are to stay as they
   * are in C. */
  if (!setlocale(LC_MESSAGES, "") || !setlocale(LC_CTYPE, ""))
    stand_in();
  if (MB_CUR_MAX == 1) /* names of images may hold more than ASCII all the same */
    setlocale(LC_CTYPE, "C.UTF-8");
  const char *dir = getenv("SAFEPORT_LOCALEDIR");
  bindtextdomain(SP_TEXT_DOMAIN, dir && *dir ? dir : SAFEPORT_LOCALEDIR);
  bind_textdomain_codeset(SP_TEXT_DOMAIN, "UTF-8");
}
