// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import dev.culvert.cluster.resource.IpamBlock;
import dev.culvert.cluster.resource.Node;
import dev.culvert.routing.Prefix;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The blocks of Calico's IPAM. A block is a range of the node that it has affinity to; an address
 * that another node borrowed from it is a range of the borrower, and wins by its longer prefix. An
 * address of a block without affinity belongs to the node that its allocation names.
 */
public final class CalicoBlocks implements RangeSource {
  private static final String HOST = "host:";
  private static final String NODE = "node";

  private final Map<String, List<Prefix>> ranges = new HashMap<>();

  /** By node: the first block that cannot be read and concerns it. */
  private final Map<String, Unknown> wrong = new HashMap<>();

  public CalicoBlocks(Collection<IpamBlock> blocks) {
    for (IpamBlock block : blocks) {
      IpamBlock.Spec spec = block.spec();
      if (spec != null && !Boolean.TRUE.equals(spec.deleted())) {
        read(block.metadata().name(), spec);
      }
    }
  }

  private void read(String name, IpamBlock.Spec spec) {
    String owner = owner(spec);
    Prefix range;
    try {
      range = Prefix.parse(spec.cidr());
    } catch (IllegalArgumentException e) {
      if (owner != null) {
        wrong.put(owner, RangeSources.invalid("the IPAMBlock " + name + ": " + e.getMessage()));
      }
      return;
    }
    if (owner != null) {
      add(owner, range);
    }
    for (int position = 0; position < spec.allocations().size(); position++) {
      String node = holder(spec, position);
      if (node != null && !node.equals(owner) && fits(range, position)) {
        add(node, Prefix.host(Addresses.at(range, position)));
      }
    }
  }

  private static @Nullable String owner(IpamBlock.Spec spec) {
    String affinity = spec.affinity();
    return affinity != null && affinity.startsWith(HOST) && affinity.length() > HOST.length()
        ? affinity.substring(HOST.length())
        : null;
  }

  private static @Nullable String holder(IpamBlock.Spec spec, int position) {
    Integer attribute = spec.allocations().get(position);
    return attribute == null || attribute < 0 || attribute >= spec.attributes().size()
        ? null
        : spec.attributes().get(attribute).secondary().get(NODE);
  }

  private static boolean fits(Prefix range, int position) {
    int hostBits = range.address().bitLength() - range.length();
    return hostBits >= Integer.SIZE - 1 || position < 1 << hostBits;
  }

  private void add(String node, Prefix range) {
    ranges.computeIfAbsent(node, any -> new ArrayList<>()).add(range);
  }

  @Override
  public Ranges of(Node node) {
    String name = node.metadata().name();
    Unknown error = wrong.get(name);
    return error != null ? error : new Known(ranges.getOrDefault(name, List.of()));
  }

  @Override
  public boolean lends() {
    return true;
  }
}
