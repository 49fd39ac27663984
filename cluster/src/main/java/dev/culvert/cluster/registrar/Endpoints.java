// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.registrar.Candidate.Conflict;
import dev.culvert.cluster.resource.EndpointText;
import java.util.List;

/** The endpoints at which the other nodes may send to a node. */
final class Endpoints {
  private Endpoints() {}

  /**
   * The endpoints at addresses that the candidate gets; each other one becomes a conflict.
   *
   * @param candidate with the addresses that it gets
   */
  static List<String> own(Candidate candidate, List<String> endpoints) {
    return endpoints.stream().filter(endpoint -> isOwn(candidate, endpoint)).toList();
  }

  private static boolean isOwn(Candidate candidate, String endpoint) {
    try {
      if (candidate.addresses.contains(EndpointText.address(endpoint))) {
        return true;
      }
    } catch (IllegalArgumentException e) {
      candidate.conflicts.add(
          new Conflict("InvalidEndpoint", candidate.name + ": " + e.getMessage()));
      return false;
    }
    candidate.conflicts.add(
        new Conflict(
            "EndpointNotOwn",
            "the endpoint "
                + endpoint
                + " of "
                + candidate.name
                + " is refused: it is at none of its accepted addresses"));
    return false;
  }
}
