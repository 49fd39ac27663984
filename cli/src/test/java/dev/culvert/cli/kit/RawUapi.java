// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.kit;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.daemon.uapi.UapiServer;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** Speaks the configuration protocol by hand, also requests that {@code wg} never makes. */
public final class RawUapi {
  private RawUapi() {}

  public static Path socket(String device) {
    return UapiServer.DIRECTORY.resolve(device + ".sock");
  }

  /** Sends one operation and gives the whole answer. */
  public static String ask(String device, String operation) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket(device)))) {
      channel.write(ByteBuffer.wrap(operation.getBytes(UTF_8)));
      channel.shutdownOutput();
      return new String(Channels.newInputStream(channel).readAllBytes(), UTF_8);
    }
  }
}
