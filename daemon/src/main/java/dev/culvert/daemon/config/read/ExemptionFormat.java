// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config.read;

import dev.culvert.daemon.config.ConfigException;
import dev.culvert.daemon.config.Values;
import dev.culvert.daemon.config.read.YamlValue.YamlMap;
import dev.culvert.routing.Exemption;
import dev.culvert.routing.IpProtocol;
import dev.culvert.routing.NodeSelector;
import dev.culvert.routing.PortRange;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The part of the format that is about traffic in clear on purpose. */
final class ExemptionFormat {
  private ExemptionFormat() {}

  static List<Exemption> exemptions(YamlValue list) throws ConfigException {
    List<Exemption> exemptions = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (YamlValue value : list.list()) {
      YamlMap map = value.map(KnownKeys.EXEMPTION);
      YamlValue name = map.require("name");
      if (!names.add(name.text())) {
        throw name.place().error("two exemptions are called '" + name.text() + "'");
      }
      List<PortRange> ports = ports(map.require("ports"));
      try {
        exemptions.add(
            new Exemption(name.text(), selector(map.require("selector")), protocol(map), ports));
      } catch (IllegalArgumentException e) {
        throw value.place().error(String.valueOf(e.getMessage()));
      }
    }
    return exemptions;
  }

  private static NodeSelector selector(YamlValue value) throws ConfigException {
    YamlMap map = value.map(KnownKeys.SELECTOR);
    return new NodeSelector(
        ClusterFormat.texts(map.list("roles")), ClusterFormat.labels(map.get("labels")));
  }

  private static int protocol(YamlMap map) throws ConfigException {
    YamlValue value = map.require("protocol");
    return switch (value.text()) {
      case "tcp" -> IpProtocol.TCP;
      case "udp" -> IpProtocol.UDP;
      default -> throw value.place().error("must be tcp or udp");
    };
  }

  /** A list of ports and ranges of ports. */
  static List<PortRange> ports(YamlValue list) throws ConfigException {
    List<PortRange> ports = new ArrayList<>();
    for (YamlValue port : list.list()) {
      ports.add(range(port));
    }
    return ports;
  }

  private static PortRange range(YamlValue value) throws ConfigException {
    String text = value.text();
    int dash = text.indexOf('-');
    int first =
        (int) Values.number(value.place(), dash < 0 ? text : text.substring(0, dash), 1, 65_535);
    int last =
        dash < 0 ? first : (int) Values.number(value.place(), text.substring(dash + 1), 1, 65_535);
    if (last < first) {
      throw value.place().error(text + " ends before it begins");
    }
    return new PortRange(first, last);
  }
}
