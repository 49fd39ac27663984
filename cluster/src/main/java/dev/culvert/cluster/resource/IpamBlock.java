// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.resource;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A block of addresses of Calico's IPAM ({@code ipamblocks.crd.projectcalico.org}). It belongs to
 * one node; other nodes may borrow single addresses of it.
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record IpamBlock(Metadata metadata, @Nullable Spec spec) implements KubeObject {
  /**
   * The range and its allocations.
   *
   * @param affinity {@code host:NODE}; null if the block is no node's
   * @param allocations by an address's position in the block: the index of its attributes, or null
   *     if the address is free
   * @param deleted whether the block is about to be deleted, and holds nothing any more
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spec(
      String cidr,
      @Nullable String affinity,
      List<@Nullable Integer> allocations,
      List<Attribute> attributes,
      @Nullable Boolean deleted) {
    public Spec {
      cidr = Absent.text(cidr);
      allocations =
          allocations == null
              ? List.of()
              : Collections.unmodifiableList(new ArrayList<>(allocations));
      attributes = Absent.list(attributes);
    }
  }

  /**
   * The owner of an allocation.
   *
   * @param secondary has the node under {@code node}; an address that cools down after its release
   *     has none
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Attribute(Map<String, String> secondary) {
    public Attribute {
      secondary = Absent.map(secondary);
    }
  }
}
