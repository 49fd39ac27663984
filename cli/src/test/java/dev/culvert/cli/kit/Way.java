// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import dev.culvert.lab.LabSite;
import dev.culvert.lab.net.Daemon;
import dev.culvert.lab.net.Namespace;
import java.util.List;
import java.util.Map;

/**
 * A way that packets of the cluster take between nodes, and must not take in clear.
 *
 * @param from the site that sends
 * @param pod whether its pod does, else the node
 * @param v4 the destination over IPv4
 * @param v6 the destination over IPv6
 * @param sourcePort 0: any
 */
public record Way(
    String name, int from, boolean pod, String v4, String v6, int port, int sourcePort) {
  private static final int DISCARD = 9;
  private static final int EXEMPT = 6443;

  /** All there are, in the network of a {@link TestCluster}. */
  public static List<Way> all() {
    return List.of(
        new Way("pod to pod", 0, true, "10.42.2.10", "fd42:2::10", DISCARD, 0),
        new Way("pod to remote node", 0, true, "192.0.2.2", "2001:db8::2", DISCARD, 0),
        new Way("node to remote pod", 0, false, "10.42.2.10", "fd42:2::10", DISCARD, 0),
        new Way("host network to host network", 1, false, "192.0.2.3", "2001:db8::3", DISCARD, 0),
        new Way("a new pod nobody has heard of", 0, true, "10.42.77.1", "fd42:77::1", DISCARD, 0),
        new Way("UDP to an exempt TCP port", 1, false, "192.0.2.1", "2001:db8::1", EXEMPT, 0),
        new Way("a pod to the API server", 1, true, "192.0.2.1", "2001:db8::1", EXEMPT, 0),
        new Way(
            "a worker from an exempt port", 1, false, "192.0.2.3", "2001:db8::3", DISCARD, EXEMPT),
        new Way("a pod from an exempt port", 0, true, "192.0.2.2", "2001:db8::2", DISCARD, EXEMPT));
  }

  private Namespace sender(TestCluster cluster) {
    LabSite site = cluster.site(from);
    return pod ? site.pod() : site.node();
  }

  /** Sends a text as one datagram, whether or not the network takes it. */
  public void send(TestCluster cluster, boolean overV4, String text) {
    TestCluster.send(sender(cluster), overV4 ? v4 : v6, port, sourcePort, text);
  }

  /**
   * Sends a text again and again, whatever the network says, until it is told to stop; then prints
   * how many it sent and how many the kernel refused. If it falls behind, it catches up.
   */
  public Daemon flood(TestCluster cluster, boolean overV4, String text, int perSecond) {
    return sender(cluster)
        .start(
            Map.of(),
            List.of(
                "python3",
                "-uc",
                """
                import signal, socket, sys, time
                a, p, s, t, rate = sys.argv[1:]
                stop = []
                signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
                f = socket.AF_INET6 if ':' in a else socket.AF_INET
                k = socket.socket(f, socket.SOCK_DGRAM)
                if f == socket.AF_INET6:
                  k.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                k.bind(('', int(s)))
                print('flooding')
                start = time.monotonic()
                sent = refused = 0
                while not stop:
                  if sent + refused >= (time.monotonic() - start) * int(rate):
                    time.sleep(0.02)
                    continue
                  try:
                    k.sendto(t.encode(), (a, int(p)))
                    sent += 1
                  except OSError:
                    refused += 1
                print('sent', sent)
                print('refused', refused)
                """,
                overV4 ? v4 : v6,
                Integer.toString(port),
                Integer.toString(sourcePort),
                text,
                Integer.toString(perSecond)));
  }

  @Override
  public String toString() {
    return name;
  }
}
