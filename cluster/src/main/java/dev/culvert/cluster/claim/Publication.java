// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.claim;

import dev.culvert.cluster.resource.CulvertNode.Phase;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far this node's claim has come.
 *
 * @param phase null while it is not known whether the claim was published
 * @param reasons why it is not accepted, or not wholly, in the registrar's words
 * @param error why the last attempt failed; null if it did not
 */
public record Publication(@Nullable Phase phase, List<String> reasons, @Nullable String error) {
  static final Publication NOT_YET = new Publication(null, List.of(), null);

  public Publication {
    reasons = List.copyOf(reasons);
  }

  Publication failed(String cause) {
    return new Publication(phase, reasons, cause);
  }
}
