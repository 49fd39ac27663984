// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command.kubernetes;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.culvert.cluster.resource.CulvertNode;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One node of the cluster, as {@code culvert nodes} shows it.
 *
 * @param phase {@code Pending}, {@code Accepted} or {@code Rejected}
 * @param publicKey that was accepted, in base64; null if none was
 * @param claimedKey the key that the node asks for, if it is another one
 * @param espKeyId the newest global key that the node holds, or 0
 * @param reasons the conditions that do not hold, in the registrar's words
 * @param lastHandshake with the gateway here, in seconds since 1970; null if there was none
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record NodeView(
    String name,
    String phase,
    String engine,
    @Nullable String publicKey,
    @Nullable String claimedKey,
    int espKeyId,
    List<String> ranges,
    List<String> addresses,
    List<String> endpoints,
    List<String> roles,
    List<String> reasons,
    @Nullable Long lastHandshake) {
  static NodeView of(CulvertNode node, @Nullable Long lastHandshake) {
    CulvertNode.Spec spec = node.spec();
    CulvertNode.Status status = node.status();
    if (status == null) {
      return new NodeView(
          node.metadata().name(),
          CulvertNode.Phase.PENDING.text(),
          spec.engine(),
          null,
          spec.publicKey(),
          0,
          List.of(),
          List.of(),
          List.of(),
          List.of(),
          List.of("no registrar has seen it yet"),
          lastHandshake);
    }
    Integer espKeyId = status.espKeyId();
    return new NodeView(
        node.metadata().name(),
        status.phase().text(),
        status.engine() == null ? spec.engine() : status.engine(),
        status.publicKey(),
        Objects.equals(spec.publicKey(), status.publicKey()) ? null : spec.publicKey(),
        espKeyId == null ? 0 : espKeyId,
        status.ranges(),
        status.addresses(),
        status.endpoints(),
        status.roles(),
        status.faults(),
        lastHandshake);
  }
}
