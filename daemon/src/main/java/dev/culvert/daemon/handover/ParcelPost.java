// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.handover;

import static dev.culvert.tunnel.kernel.LibC.LIBC;

import dev.culvert.daemon.handover.HandoverChannel.Received;
import dev.culvert.daemon.handover.HandoverChannel.Step;
import dev.culvert.daemon.socket.Handed;
import dev.culvert.tunnel.engine.StateException;
import dev.culvert.tunnel.engine.StateReader;
import dev.culvert.tunnel.gateway.Descriptors;
import dev.culvert.tunnel.kernel.DescriptorSocket;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Sends and receives a {@link Parcel}, whose descriptors may need several messages. */
final class ParcelPost {
  private static final int MOST_DESCRIPTORS = 16_384;

  private ParcelPost() {}

  static void send(HandoverChannel channel, Parcel parcel) throws IOException {
    List<Integer> all = new ArrayList<>(parcel.tunnel().all());
    all.addAll(parcel.admin().all());
    all.addAll(parcel.uapi().all());
    int first = Math.min(all.size(), DescriptorSocket.MAX_DESCRIPTORS);
    channel.send(
        Step.PREPARED,
        body -> {
          body.int32(all.size());
          parcel.tunnel().write(body);
          parcel.admin().write(body);
          parcel.uapi().write(body);
        },
        all.subList(0, first));
    for (int at = first; at < all.size(); at += DescriptorSocket.MAX_DESCRIPTORS) {
      int end = Math.min(all.size(), at + DescriptorSocket.MAX_DESCRIPTORS);
      channel.send(Step.MORE, body -> {}, all.subList(at, end));
    }
  }

  /**
   * Receives a parcel.
   *
   * @param patience the longest wait for each message
   */
  static Parcel receive(HandoverChannel channel, Duration patience) throws IOException {
    Received first = channel.await(Step.PREPARED, patience);
    List<Integer> descriptors = new ArrayList<>(first.descriptors());
    try {
      StateReader body = first.body();
      int count = body.int32();
      if (count < 0 || count > MOST_DESCRIPTORS) {
        throw new StateException(count + " descriptors");
      }
      while (descriptors.size() < count) {
        List<Integer> more = channel.await(Step.MORE, patience).descriptors();
        if (more.isEmpty()) {
          throw new StateException("a message without descriptors, and " + count + " were to come");
        }
        descriptors.addAll(more);
      }
      return parcel(body, descriptors);
    } catch (StateException e) {
      descriptors.forEach(LIBC::close);
      throw HandoverChannel.garbled(e);
    } catch (IOException | RuntimeException e) {
      descriptors.forEach(LIBC::close);
      throw e;
    }
  }

  private static Parcel parcel(StateReader body, List<Integer> descriptors) throws StateException {
    Descriptors.Counts tunnel = Descriptors.Counts.read(body);
    int admin = Handed.count(body);
    int uapi = Handed.count(body);
    body.end();
    int ofTunnel = descriptors.size() - admin - uapi;
    if (admin < 0 || uapi < 0 || ofTunnel < 0) {
      throw new StateException("counts of descriptors that do not fit");
    }
    return new Parcel(
        tunnel.of(descriptors.subList(0, ofTunnel)),
        new Handed(descriptors.subList(ofTunnel, ofTunnel + admin)),
        new Handed(descriptors.subList(ofTunnel + admin, descriptors.size())));
  }
}
