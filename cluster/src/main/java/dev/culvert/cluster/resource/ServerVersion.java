// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import org.jspecify.annotations.Nullable;

/** The API server's version. Providers add signs to the numbers, as in {@code 30+}. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ServerVersion(
    Metadata metadata, @Nullable String major, @Nullable String minor, @Nullable String gitVersion)
    implements KubeObject {
  /** Its name in {@link ResourceKind#VERSIONS}. */
  public static final String NAME = "version";

  /** Since then tokens name the node that they were made for. */
  private static final int NAMES_NODES = 30;

  /** Since then custom resources have fields to select by, and rules know ranges of addresses. */
  private static final int SELECTS_FIELDS = 31;

  /** Why Culvert does not work with this server; null if it does. */
  public @Nullable String refusal() {
    if (isAtLeast(SELECTS_FIELDS)) {
      return null;
    }
    return "the API server is %s, older than 1.%d: %s"
        .formatted(
            gitVersion == null ? "of an unknown version" : gitVersion,
            SELECTS_FIELDS,
            isAtLeast(NAMES_NODES)
                ? "it cannot select the CulvertNodes that are accepted, and refuses crds.yaml"
                : "its tokens do not name their node, so each node could write the claim of every"
                    + " other");
  }

  private boolean isAtLeast(int wanted) {
    int first = number(major);
    return first > 1 || (first == 1 && number(minor) >= wanted);
  }

  private static int number(@Nullable String text) {
    String digits = text == null ? "" : text.replaceFirst("^(\\d{1,4}).*$", "$1");
    return digits.matches("\\d{1,4}") ? Integer.parseInt(digits) : 0;
  }
}
