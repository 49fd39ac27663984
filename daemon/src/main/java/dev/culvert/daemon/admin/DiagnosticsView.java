// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Facts that only a running gateway knows about itself, for {@code culvert bundle}. Holds no
 * secret.
 *
 * @param version of the program that runs
 * @param threads all platform threads with their stacks, in text
 * @param configuration in force, as JSON without its secrets
 * @param log the newest lines, the oldest first
 * @param metrics in Prometheus' text format, null if the configuration has none
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record DiagnosticsView(
    String version,
    String threads,
    String configuration,
    List<String> log,
    @Nullable String metrics) {
  public DiagnosticsView {
    log = List.copyOf(log);
  }
}
