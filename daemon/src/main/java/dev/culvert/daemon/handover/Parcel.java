// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import dev.culvert.daemon.socket.Handed;
import dev.culvert.tunnel.gateway.Descriptors;

/**
 * The descriptors of a gateway that is handed over. They stay the former owner's; the receiver gets
 * numbers of its own.
 *
 * @param tunnel those through which packets go
 * @param admin the admin socket
 * @param uapi the UAPI socket
 */
public record Parcel(Descriptors tunnel, Handed admin, Handed uapi) {
  /** Closes all of them, for a receiver that has no use for them. */
  public void close() {
    tunnel.close();
    admin.close();
    uapi.close();
  }
}
