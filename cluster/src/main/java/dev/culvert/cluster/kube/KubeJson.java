// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.culvert.cluster.resource.KubeObject;
import dev.culvert.cluster.resource.ResourceKind;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.cfg.EnumFeature;
import tools.jackson.databind.json.JsonMapper;

/** The JSON of the Kubernetes API, and the one mapper for it. */
public final class KubeJson {
  /**
   * A name may be as long as an object, since the server makes names in {@code managedFields} of
   * values that a kubelet may choose. The length of an answer is limited elsewhere.
   */
  private static final StreamReadConstraints LIMITS =
      StreamReadConstraints.builder().maxNameLength(8 << 20).build();

  /**
   * Fields that a newer server has are ignored, those that it has not are absent, and a word that
   * is not known counts as absent.
   */
  public static final JsonMapper MAPPER =
      JsonMapper.builder(JsonFactory.builder().streamReadConstraints(LIMITS).build())
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .disable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(EnumFeature.READ_UNKNOWN_ENUM_VALUES_AS_NULL)
          .build();

  private KubeJson() {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  private record ListMeta(
      @Nullable String resourceVersion, @JsonProperty("continue") @Nullable String next) {}

  /** An event of a watch, before its object is known to be one. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Event(@Nullable String type, @Nullable JsonNode object) {}

  /** A refusal. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Status(@Nullable String message, int code, @Nullable Details details) {
    @JsonIgnoreProperties(ignoreUnknown = true)
    record Details(@Nullable Integer retryAfterSeconds) {}

    @Nullable Integer retryAfterSeconds() {
      return details == null ? null : details.retryAfterSeconds();
    }
  }

  /**
   * Reads one page of a list, object by object, so that no tree of it is ever in memory.
   *
   * @throws tools.jackson.core.JacksonException if it is not one
   */
  static <T extends KubeObject> KubeApi.Page<T> page(InputStream in, ResourceKind<T> kind) {
    try (JsonParser parser = MAPPER.createParser(in)) {
      require(parser, parser.nextToken() == JsonToken.START_OBJECT, "a list");
      List<T> items = new ArrayList<>();
      ListMeta meta = null;
      for (String name = parser.nextName(); name != null; name = parser.nextName()) {
        parser.nextToken();
        switch (name) {
          case "metadata" -> meta = MAPPER.readValue(parser, ListMeta.class);
          case "items" -> items(parser, kind.type(), items);
          default -> parser.skipChildren();
        }
      }
      require(parser, parser.currentToken() == JsonToken.END_OBJECT, "the end of a list");
      String version = meta == null ? null : meta.resourceVersion();
      if (meta == null || version == null) {
        throw new StreamReadException(parser, "a list without a resourceVersion");
      }
      String next = meta.next();
      return new KubeApi.Page<>(items, version, next == null || next.isEmpty() ? null : next);
    }
  }

  private static <T> void items(JsonParser parser, Class<T> type, List<T> into) {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return; // Go's form of an empty list.
    }
    require(parser, parser.currentToken() == JsonToken.START_ARRAY, "the items of a list");
    while (parser.nextToken() == JsonToken.START_OBJECT) {
      into.add(MAPPER.readValue(parser, type));
    }
    require(parser, parser.currentToken() == JsonToken.END_ARRAY, "an item of a list");
  }

  private static void require(JsonParser parser, boolean met, String wanted) {
    if (!met) {
      throw new StreamReadException(parser, parser.currentToken() + " came instead of " + wanted);
    }
  }
}
