// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.Metadata;
import dev.culvert.cluster.resource.ResourceKind;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** A watch: one event per line. */
final class Watch<T extends KubeObject> implements KubeApi.WatchStream<T> {
  private static final int MAX_EVENT = 8 << 20;

  private final ResourceKind<T> kind;
  private final Answer answer;
  private final Runnable onSilence;
  private final LineReader lines;

  Watch(ResourceKind<T> kind, Answer answer, Runnable onSilence) {
    this.kind = kind;
    this.answer = answer;
    this.onSilence = onSilence;
    this.lines = new LineReader(answer.body(), MAX_EVENT);
  }

  @Override
  public KubeApi.@Nullable Change<T> next(Duration patience)
      throws KubeException, InterruptedException {
    answer.body().within(patience);
    try {
      byte[] line = lines.next();
      return line == null ? null : change(KubeJson.MAPPER.readValue(line, KubeJson.Event.class));
    } catch (KubeException e) {
      close();
      throw e;
    } catch (SocketTimeoutException e) {
      close();
      onSilence.run();
      throw new KubeException(KubeException.SILENCE, kind.path() + ": " + e.getMessage(), null, e);
    } catch (IOException | JacksonException e) {
      close();
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      onSilence.run();
      throw new KubeException(
          KubeException.NO_ANSWER, kind.path() + ": " + Refusals.text(e), null, null);
    }
  }

  private KubeApi.Change<T> change(KubeJson.Event event) throws IOException {
    JsonNode object = event.object();
    if (event.type() == null || object == null) {
      throw new IOException("an event without a type or an object");
    }
    if (event.type().equals("ERROR")) {
      throw Refusals.of(kind.path(), KubeJson.MAPPER.treeToValue(object, KubeJson.Status.class));
    }
    KubeApi.Change.Type type = type(event.type());
    if (type == KubeApi.Change.Type.BOOKMARK) {
      String version = object.path("metadata").path("resourceVersion").asString("");
      return new KubeApi.Change<>(type, null, version);
    }
    T value = KubeJson.MAPPER.treeToValue(object, kind.type());
    Metadata metadata = value.metadata();
    if (metadata == null || metadata.name().isEmpty()) {
      throw new IOException("an object without a name");
    }
    return new KubeApi.Change<>(type, value, metadata.resourceVersion());
  }

  private static KubeApi.Change.Type type(String text) throws IOException {
    for (KubeApi.Change.Type type : KubeApi.Change.Type.values()) {
      if (type.name().equals(text)) {
        return type;
      }
    }
    throw new IOException("an event of the unknown type " + text);
  }

  @Override
  public void close() {
    answer.close();
  }
}
