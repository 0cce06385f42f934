/* SPDX-License-Identifier: Apache-2.0 */
#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>

static const struct {
  const char *text;
  enum sp_address_kind kind;
} rows[] = {
    {"", SP_ADDRESS_SPECIAL},
    {"registry.test", SP_ADDRESS_SPECIAL},
    {"169.254.169.254", SP_ADDRESS_SPECIAL},
    {"169.254.0.1", SP_ADDRESS_SPECIAL},
    {"0.0.0.0", SP_ADDRESS_SPECIAL},
    {"0.1.2.3", SP_ADDRESS_SPECIAL},
    {"192.0.0.192", SP_ADDRESS_SPECIAL},
    {"224.0.0.1", SP_ADDRESS_SPECIAL},
    {"255.255.255.255", SP_ADDRESS_SPECIAL},
    {"240.0.0.1", SP_ADDRESS_SPECIAL},
    {"::", SP_ADDRESS_SPECIAL},
    {"fe80::1", SP_ADDRESS_SPECIAL},
    {"febf::1", SP_ADDRESS_SPECIAL},
    {"ff02::1", SP_ADDRESS_SPECIAL},
    {"::ffff:169.254.169.254", SP_ADDRESS_SPECIAL},
    {"64:ff9b::a9fe:a9fe", SP_ADDRESS_SPECIAL},
    {"2002:a9fe:a9fe::1", SP_ADDRESS_SPECIAL},
    {"127.0.0.1", SP_ADDRESS_LOOPBACK},
    {"127.255.255.255", SP_ADDRESS_LOOPBACK},
    {"::1", SP_ADDRESS_LOOPBACK},
    {"::ffff:127.0.0.1", SP_ADDRESS_LOOPBACK},
    {"::127.0.0.1", SP_ADDRESS_LOOPBACK},
    {"10.0.0.1", SP_ADDRESS_PRIVATE},
    {"172.16.0.1", SP_ADDRESS_PRIVATE},
    {"172.31.255.255", SP_ADDRESS_PRIVATE},
    {"192.168.0.1", SP_ADDRESS_PRIVATE},
    {"100.64.0.1", SP_ADDRESS_PRIVATE},
    {"100.127.255.255", SP_ADDRESS_PRIVATE},
    {"198.19.0.1", SP_ADDRESS_PRIVATE},
    {"fc00::1", SP_ADDRESS_PRIVATE},
    {"fdff::1", SP_ADDRESS_PRIVATE},
    {"fec0::1", SP_ADDRESS_PRIVATE},
    {"::ffff:10.0.0.1", SP_ADDRESS_PRIVATE},
    {"9.255.255.255", SP_ADDRESS_PUBLIC},
    {"11.0.0.1", SP_ADDRESS_PUBLIC},
    {"126.255.255.255", SP_ADDRESS_PUBLIC},
    {"128.0.0.1", SP_ADDRESS_PUBLIC},
    {"172.15.255.255", SP_ADDRESS_PUBLIC},
    {"172.32.0.1", SP_ADDRESS_PUBLIC},
    {"100.63.255.255", SP_ADDRESS_PUBLIC},
    {"100.128.0.1", SP_ADDRESS_PUBLIC},
    {"192.169.0.1", SP_ADDRESS_PUBLIC},
    {"223.255.255.255", SP_ADDRESS_PUBLIC},
    {"2001:db8::1", SP_ADDRESS_PUBLIC},
    {"::ffff:192.0.2.1", SP_ADDRESS_PUBLIC},
};

static void kinds_of_addresses(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (sp_guard_kind_of_text(rows[i].text) != rows[i].kind)
      fail_msg("'%s': %s", rows[i].text, sp_guard_kind_name(sp_guard_kind_of_text(rows[i].text)));
}

/* The same through socket addresses, which is what is connected to. */
static void kinds_of_socket_addresses(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, rows[i].text, &v4.sin_addr) == 1)
      assert_int_equal(sp_guard_kind((struct sockaddr *)&v4, sizeof v4), rows[i].kind);
    if (inet_pton(AF_INET6, rows[i].text, &v6.sin6_addr) == 1)
      assert_int_equal(sp_guard_kind((struct sockaddr *)&v6, sizeof v6), rows[i].kind);
  }
}

static void what_is_no_ip_is_special(void **state)
{
  (void)state;
  char text[SP_ADDRESS_TEXT_MAX];
  struct sockaddr local = {.sa_family = AF_UNIX};
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(0x01020304)}};
  assert_int_equal(sp_guard_kind(&local, sizeof local), SP_ADDRESS_SPECIAL);
  assert_int_equal(sp_guard_kind((struct sockaddr *)&v4, 4), SP_ADDRESS_SPECIAL);
  sp_guard_format(&local, sizeof local, text);
  assert_string_equal(text, "unknown");
  sp_guard_format((struct sockaddr *)&v4, sizeof v4, text);
  assert_string_equal(text, "1.2.3.4");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds_of_addresses),
      cmocka_unit_test(kinds_of_socket_addresses),
      cmocka_unit_test(what_is_no_ip_is_special),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
