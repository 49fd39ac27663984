// SPDX-License-Identifier: Apache-2.0
package dev.culvert.routing;

import java.util.regex.Pattern;

/**
 * The rule for the name of a gateway's interface: the kernel and wg-quick accept it, and it is
 * usable in the name of a file.
 */
public final class InterfaceName {
  private static final Pattern RULE = Pattern.compile("[A-Za-z0-9_=+.-]{1,15}");

  private InterfaceName() {}

  /**
   * Returns {@code name}.
   *
   * @throws IllegalArgumentException if it is against the rule, which the message tells
   */
  public static String check(String name) {
    if (!RULE.matcher(name).matches() || name.equals(".") || name.equals("..")) {
      throw new IllegalArgumentException(
          "'" + name + "' is no interface name (1 to 15 of A-Z a-z 0-9 _ = + . -)");
    }
    return name;
  }
}
