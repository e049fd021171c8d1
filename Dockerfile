# A sidecar's image: dist/ and the production dependencies on a small Node, without a compiler, a shell script or root.
#   docker build -t spillway .
#   docker run -p 8080:8080 -p 127.0.0.1:9090:9090 -v "$PWD/tools.yaml:/etc/spillway/tools.yaml:ro" spillway

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24-slim AS production
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-slim
# Inside a container nobody outside reaches loopback; writing through the admin listener then needs SPILLWAY_ADMIN_TOKEN.
ENV NODE_ENV=production \
    SPILLWAY_LISTEN=0.0.0.0:8080 \
    SPILLWAY_ADMIN=0.0.0.0:9090
COPY package.json LICENSE /opt/spillway/
COPY --from=production /build/node_modules /opt/spillway/node_modules
COPY --from=build /build/dist /opt/spillway/dist
# tools.yaml is looked for here; mount yours.
WORKDIR /etc/spillway
USER node
EXPOSE 8080 9090
# The first of these drains, for at most drainSeconds (25): give it longer than that before SIGKILL.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "/opt/spillway/dist/main.js", "healthcheck"]
ENTRYPOINT ["node", "/opt/spillway/dist/main.js"]
