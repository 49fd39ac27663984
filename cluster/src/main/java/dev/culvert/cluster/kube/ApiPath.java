// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.kube;

import dev.culvert.cluster.resource.ResourceKind;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A path of the API with its parameters.
 *
 * @param resource the path alone, for messages
 * @param text as it is sent
 */
record ApiPath(String resource, String text) {
  ApiPath(String resource) {
    this(resource, resource);
  }

  /** The path of a page of a collection. */
  static ApiPath list(ResourceKind<?> kind, KubeApi.ListQuery query) {
    return new ApiPath(kind.path())
        .with("limit", Integer.toString(query.limit()))
        .with("fieldSelector", query.fieldSelector())
        .with("continue", query.next())
        .with("resourceVersion", query.notOlderThan())
        .with("resourceVersionMatch", query.notOlderThan() == null ? null : "NotOlderThan");
  }

  /** The path of the changes of a collection; its parameters are those of {@link KubeApi#watch}. */
  static ApiPath watch(
      ResourceKind<?> kind,
      @Nullable String fieldSelector,
      String resourceVersion,
      Duration timeout) {
    return new ApiPath(kind.path())
        .with("watch", "true")
        .with("allowWatchBookmarks", "true")
        .with("resourceVersion", resourceVersion)
        .with("timeoutSeconds", Long.toString(Math.max(1, timeout.toSeconds())))
        .with("fieldSelector", fieldSelector);
  }

  /** This path with a parameter, unless its value is null. */
  ApiPath with(String name, @Nullable String value) {
    return value == null
        ? this
        : new ApiPath(
            resource,
            text
                + (text.length() == resource.length() ? '?' : '&')
                + name
                + '='
                + URLEncoder.encode(value, StandardCharsets.UTF_8));
  }
}
