module interop

go 1.23

require (
	github.com/containerd/ttrpc v1.1.2
	github.com/golang/protobuf v1.5.0
	google.golang.org/genproto v0.0.0-20200224152610-e50cd9704f63
	google.golang.org/grpc v1.27.1
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/sirupsen/logrus v1.8.1 // indirect
	golang.org/x/sys v0.0.0-20210124154548-22da62e12c0c // indirect
)

// gogo's codec cannot read the messages of the later runtime inside a status: ttrpc before 1.2 goes with this one.
replace github.com/golang/protobuf => github.com/golang/protobuf v1.3.5
