// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/** A Lease, by which one of several replicas leads. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Lease(Metadata metadata, @Nullable Spec spec) implements KubeObject {
  /**
   * The holder and its times.
   *
   * @param holderIdentity empty if no replica holds the lease
   * @param leaseDurationSeconds how long others wait after they saw the lease change
   * @param acquireTime RFC 3339 with microseconds, by the holder's clock: for people
   * @param renewTime as acquireTime
   * @param leaseTransitions how often the holder changed
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Spec(
      @Nullable String holderIdentity,
      @Nullable Integer leaseDurationSeconds,
      @Nullable String acquireTime,
      @Nullable String renewTime,
      @Nullable Integer leaseTransitions) {}
}
