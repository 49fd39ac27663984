// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.port;

import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.Endpoint;

/**
 * The sender of the message in one slot of a {@link ReceiveBatch}, as the kernel reported it. The
 * receiving lane fills it; helpers read it while the batch is worked on.
 */
final class ReceivedFrom implements DatagramSource {
  private final EndpointCache endpoints;
  private IpFamily family = IpFamily.V4;
  private long high;
  private long low;
  private int port;
  private int scope;
  private long localHigh;
  private long localLow;
  private int sourceInterface;

  ReceivedFrom(EndpointCache endpoints) {
    this.endpoints = endpoints;
  }

  /**
   * @param newPort 0 only if no answer can be sent
   */
  void sentBy(IpFamily newFamily, long newHigh, long newLow, int newPort) {
    family = newFamily;
    high = newHigh;
    low = newLow;
    port = newPort;
    scope = 0;
  }

  /** Index of the interface that an IPv6 address is on, if it is link-local. */
  void scope(int newScope) {
    scope = newScope;
  }

  /**
   * Sets the local address and the interface's index; an index of 0 means that the kernel told
   * neither.
   */
  void cameTo(long newHigh, long newLow, int newInterface) {
    localHigh = newHigh;
    localLow = newLow;
    sourceInterface = newInterface;
  }

  /** Whether an answer could go there: not to port 0, nor to an IPv6 address that maps IPv4. */
  boolean usable() {
    return port != 0 && (family == IpFamily.V4 || !EndpointCache.mapsV4(high, low));
  }

  @Override
  public boolean v4() {
    return family == IpFamily.V4;
  }

  @Override
  public long high() {
    return high;
  }

  @Override
  public long low() {
    return low;
  }

  @Override
  public int sourceInterface() {
    return sourceInterface;
  }

  @Override
  public Endpoint endpoint() {
    return endpoints.get(family, high, low, port, scope, localHigh, localLow, sourceInterface);
  }
}
