// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.config;

/**
 * A peer whose endpoint is a name.
 *
 * @param id what its engine knows it by: its public key, or with ESP its name
 * @param label what people call it
 * @param v4 whether an IPv4 address is good
 * @param v6 whether an IPv6 address is good
 */
public record NamedPeer(String id, String label, String host, int port, boolean v4, boolean v6) {
  /** The endpoint as it was written. */
  public String endpoint() {
    return host + ":" + port;
  }
}
