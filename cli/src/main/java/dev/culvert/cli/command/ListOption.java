// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** An option whose values come with commas between them, also from a variable. */
public final class ListOption {
  private ListOption() {}

  /**
   * The values without blanks around them; none if the variable is empty.
   *
   * @param given by picocli; null if the option was left out
   */
  public static List<String> values(@Nullable List<String> given) {
    Stream<String> all = given == null ? Stream.empty() : given.stream();
    return all.map(String::strip).filter(value -> !value.isEmpty()).toList();
  }
}
