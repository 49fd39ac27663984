// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The facts about one node that the other nodes need. The node's own daemon alone writes {@code
 * spec}, and the registrar alone {@code status}. Daemons believe status alone.
 *
 * @param status null before the registrar has seen the object
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record CulvertNode(Metadata metadata, Spec spec, @Nullable Status status)
    implements KubeObject {
  /**
   * An annotation, written by an administrator: the key to accept in place of the old one, or
   * {@link #NO_KEY}.
   */
  public static final String ACCEPT_KEY = "culvert.dev/accept-key";

  /** In place of a key: the node may give up its key. */
  public static final String NO_KEY = "none";

  /** An annotation, written by an administrator: why the node is not to be believed. */
  public static final String REJECT = "culvert.dev/reject";

  /**
   * The node's own claim.
   *
   * @param nodeUID of the Node; immutable
   * @param engine {@code wireguard}, {@code esp} or {@code noise} (ESP keyed by handshakes)
   * @param publicKey base64; null if the engine has none
   * @param espKeyId the newest key of the cluster's IPsec secret that the node holds, 1 to 15
   * @param endpoints {@code address:port} of the tunnel, the preferred one first
   * @param proof that the owner of the accepted key approves {@code publicKey}; null if none is
   *     needed
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Spec(
      String nodeUID,
      String engine,
      @Nullable String publicKey,
      @Nullable Integer espKeyId,
      List<String> endpoints,
      @Nullable Proof proof) {
    public Spec {
      nodeUID = Absent.text(nodeUID);
      engine = Absent.text(engine);
      endpoints = Absent.list(endpoints);
    }
  }

  /**
   * A proof of a key change.
   *
   * @param kind {@code mac}: a MAC under a key that only the owner of the accepted key and the
   *     registrar can derive
   * @param value base64
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Proof(String kind, String value) {}

  /**
   * The part of the claim that was accepted.
   *
   * @param publicKey the key that was accepted, which may be older than that of the spec
   * @param endpoints {@code address:port}
   * @param ranges of the node's pods
   * @param addresses of the node
   * @param roles without the prefix {@code node-role.kubernetes.io/}
   * @param labels only those that a kubelet cannot set itself
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Status(
      Phase phase,
      @Nullable String engine,
      @Nullable String publicKey,
      @Nullable Integer espKeyId,
      List<String> endpoints,
      List<String> ranges,
      List<String> addresses,
      List<String> roles,
      Map<String, String> labels,
      List<Condition> conditions) {
    public Status {
      phase = phase == null ? Phase.PENDING : phase;
      endpoints = Absent.list(endpoints);
      ranges = Absent.list(ranges);
      addresses = Absent.list(addresses);
      roles = Absent.list(roles);
      labels = Absent.map(labels);
      conditions = Absent.list(conditions);
    }

    /** The conditions that do not hold, in the registrar's words. */
    public List<String> faults() {
      return conditions.stream()
          .filter(condition -> Condition.FALSE.equals(condition.status()))
          .map(Condition::text)
          .toList();
    }
  }

  /** Whether the other nodes may believe the claim. */
  public enum Phase {
    /** The registrar has not decided, or something is still missing. */
    PENDING("Pending"),
    ACCEPTED("Accepted"),
    REJECTED("Rejected");

    private final String text;

    Phase(String text) {
      this.text = text;
    }

    @JsonValue
    public String text() {
      return text;
    }
  }
}
