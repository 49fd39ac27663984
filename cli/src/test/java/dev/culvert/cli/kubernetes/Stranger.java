// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kubernetes;

import dev.culvert.lab.LabNetwork;
import dev.culvert.lab.net.Namespace;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** A machine on the nodes' network that is no node. It takes every address that it wants. */
final class Stranger {
  private static final String PROBES =
      """
      import socket, sys, threading
      reached = []
      def probe(text):
        source, address, port = text.split()
        try:
          socket.create_connection((address, int(port)), 1.5, (source, 0)).close()
          reached.append(text)
        except OSError:
          pass
      probes = [threading.Thread(target=probe, args=(text,)) for text in sys.argv[1:]]
      for p in probes: p.start()
      for p in probes: p.join()
      for text in reached: print(text)  # lines of threads would run into each other
      """;

  private final Namespace wire;

  Stranger(Namespace wire, Collection<String> addresses) {
    this.wire = wire;
    addresses.forEach(a -> wire.address(LabNetwork.BRIDGE, a + (a.contains(":") ? "/128" : "/32")));
  }

  /**
   * Opens TCP connections, all at once.
   *
   * @param probes of the form {@code source destination port}
   * @return the probes whose connection opened within 1.5 seconds, sorted
   */
  List<String> reaches(List<String> probes) {
    List<String> command = new ArrayList<>(List.of("python3", "-c", PROBES));
    command.addAll(probes);
    return wire.run(command.toArray(String[]::new)).out().lines().sorted().toList();
  }
}
