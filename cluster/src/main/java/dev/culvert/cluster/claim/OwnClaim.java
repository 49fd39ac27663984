// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.claim;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.cluster.resource.Node;
import dev.culvert.routing.IpAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The facts about this node that its own daemon knows.
 *
 * @param engine as in {@link CulvertNode.Spec#engine()}
 * @param publicKey base64; null if the engine has none
 * @param espKeyId the newest key of the cluster's IPsec secret, or 0 if the engine has none
 * @param port of the tunnel, the same at each address
 * @param addresses of this machine, for a Node that has none yet
 */
public record OwnClaim(
    String engine, @Nullable String publicKey, int espKeyId, int port, List<IpAddress> addresses) {
  private static final int MAX_ENDPOINTS = 4;
  private static final String INTERNAL = "InternalIP";

  public OwnClaim {
    addresses = List.copyOf(addresses);
  }

  CulvertNode.Spec spec(Node node, CulvertNode.@Nullable Proof proof) {
    return new CulvertNode.Spec(
        node.metadata().uid(),
        engine,
        publicKey,
        espKeyId == 0 ? null : espKeyId,
        endpoints(node),
        proof);
  }

  private List<String> endpoints(Node node) {
    List<IpAddress> of = internal(node);
    return (of.isEmpty() ? addresses : of)
        .stream()
            .filter(address -> !address.isLinkLocalV6())
            .distinct()
            .limit(MAX_ENDPOINTS)
            .map(address -> address.v4() ? address + ":" + port : "[" + address + "]:" + port)
            .toList();
  }

  private static List<IpAddress> internal(Node node) {
    List<IpAddress> internal = new ArrayList<>();
    Node.Status status = node.status();
    if (status != null) {
      for (Node.Address address : status.addresses()) {
        if (INTERNAL.equals(address.type()) && isAddress(address.address())) {
          internal.add(IpAddress.parse(address.address()));
        }
      }
    }
    return internal;
  }

  private static boolean isAddress(@Nullable String text) {
    try {
      return text != null && IpAddress.parse(text) != null;
    } catch (IllegalArgumentException e) {
      return false; // The Node is checked by the API server; whatever else it holds is not ours.
    }
  }
}
