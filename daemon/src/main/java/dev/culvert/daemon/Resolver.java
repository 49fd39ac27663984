// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon;

import dev.culvert.routing.IpAddress;
import java.net.UnknownHostException;
import java.util.List;

/** Asks a name service. */
@FunctionalInterface
public interface Resolver {
  /**
   * The addresses of {@code host}, the best first. Waits as long as the service takes.
   *
   * @throws UnknownHostException with the reason
   */
  List<IpAddress> lookUp(String host) throws UnknownHostException;
}
